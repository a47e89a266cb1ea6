module github.com/portico-mq/portico/test

go 1.26
