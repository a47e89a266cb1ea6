module github.com/portico-mq/portico

go 1.26
