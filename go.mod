module github.com/portico-mq/portico

go 1.26

require (
	github.com/alecthomas/kong v1.17.0
	go.yaml.in/yaml/v3 v3.0.4
)
