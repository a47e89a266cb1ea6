# The image of portico: one static binary, started by a user without rights.
# test/image builds the same image without a container engine, and a test
# compares the two.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/portico ./cmd/portico && \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/porticoctl ./cmd/porticoctl && \
    for name in rabbitmqctl rabbitmq-diagnostics rabbitmq-plugins rabbitmq-queues; do ln -s porticoctl /out/$name; done && \
    mkdir /data

FROM scratch
COPY --from=build /out/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
ENV PORTICO_DATA_DIR=/data
VOLUME /data
EXPOSE 4566 5671 5672 15671 15672 15673 15674 15692 61613 61614 61619
ENTRYPOINT ["/usr/local/bin/portico"]
