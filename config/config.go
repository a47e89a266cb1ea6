// Package config reads Portico's configuration from a YAML file, the
// environment and command line flags, in this order: what is read later wins.
//
// Every key has one name, its path in the file joined by dots (aws.region), and
// one environment variable: PORTICO_ and the name in upper case with dots as
// underscores (PORTICO_AWS_REGION).
package config

import "time"

// Config holds every key. A field without a key tag is not read from anywhere.
// A Config is not changed after Load and may then be read by any goroutine.
type Config struct {
	// DataDir is the directory that holds everything durable. It is made when missing.
	DataDir string `key:"data_dir"`
	// Durability says when a message is confirmed: DurabilityFsync or DurabilityOS.
	Durability string `key:"durability" oneof:"fsync,os"`
	// Encryption says with which key DataDir is encrypted.
	Encryption Encryption `key:"encryption"`
	// Log says what is logged and how.
	Log Log `key:"log"`
	// MaxMessageSize is the largest body of a message, at most 30 MiB.
	MaxMessageSize Size `key:"max_message_size"`
	// DefaultUser is the user made on an empty data directory.
	DefaultUser DefaultUser `key:"default_user"`
	// LoadDefinitions is a file of definitions, as RabbitMQ exports them, or a directory of such files, that are imported
	// at every start; "" for none. On an empty data directory no default user is made then.
	LoadDefinitions string `key:"load_definitions"`
	// TLS holds the certificate of every TLS listener.
	TLS TLS `key:"tls"`
	// Memory says how much memory stops publishers.
	Memory Memory `key:"memory"`
	// Disk says how little room on disk stops publishers.
	Disk Disk `key:"disk"`
	// AMQP is the listener of AMQP 0-9-1, AMQPS the one over TLS.
	AMQP  Listener `key:"amqp"`
	AMQPS Listener `key:"amqps"`
	// RabbitMQ says which RabbitMQ the AMQP front end shows itself as.
	RabbitMQ RabbitMQ `key:"rabbitmq"`
	// STOMP is the listener of STOMP, with what counts for all of STOMP's listeners; STOMPS is the one over TLS.
	STOMP  STOMP         `key:"stomp"`
	STOMPS STOMPListener `key:"stomps"`
	// WS is the listener of STOMP over WebSocket, WSS the one over TLS.
	WS  STOMPListener `key:"ws"`
	WSS STOMPListener `key:"wss"`
	// MQ is what Amazon MQ serves besides.
	MQ MQ `key:"mq"`
	// AWS is the endpoint of the AWS services.
	AWS AWS `key:"aws"`
	// SMTP says how e-mail is sent.
	SMTP SMTP `key:"smtp"`
	// Management is the HTTP listener for health and administration.
	Management Management `key:"management"`
	// Metrics is the HTTP listener for Prometheus.
	Metrics Listener `key:"metrics"`
	// Shutdown says how a stop is carried out.
	Shutdown Shutdown `key:"shutdown"`
}

// The values of Config.Durability.
const (
	// DurabilityFsync confirms a message when it is on the disk.
	DurabilityFsync = "fsync"
	// DurabilityOS confirms a message when the operating system has it: safe
	// against a killed process, not against a power cut.
	DurabilityOS = "os"
)

// Encryption says with which key the data directory is encrypted: neither is set where it is not.
type Encryption struct {
	// Key is the key, of MinEncryptionKey bytes or more.
	Key string `key:"key" secret:"true"`
	// KeyFile is a file that holds it; white space around it does not count.
	KeyFile string `key:"key_file"`
}

// MinEncryptionKey is the length of the shortest key of Encryption, in bytes.
const MinEncryptionKey = 16

// Log says what is logged and how.
type Log struct {
	// Level is the lowest level that is logged.
	Level string `key:"level" oneof:"debug,info,warn,error"`
	// Format is text (key=value) or json, one object a line.
	Format string `key:"format" oneof:"text,json"`
}

// DefaultUser is the user made on an empty data directory, with every
// permission on every virtual host.
type DefaultUser struct {
	// Name is empty when no user is to be made.
	Name string `key:"name"`
	// Password is the user's password in plain text; it is stored hashed.
	Password string `key:"password" secret:"true"`
	// LoopbackOnly refuses the user when it comes from another machine.
	LoopbackOnly bool `key:"loopback_only"`
}

// TLS names the files that every TLS listener uses, all PEM. Without a
// certificate no TLS listener is opened.
type TLS struct {
	// Certificate is the server's certificate, with the chain above it.
	Certificate string `key:"certificate"`
	// Key is the private key of Certificate.
	Key string `key:"key"`
	// ClientCA holds the authorities of client certificates; without it none is asked for.
	ClientCA string `key:"client_ca"`
}

// Memory says how much memory stops publishers.
type Memory struct {
	// HighWatermark is the memory of the process above which publishers are stopped.
	HighWatermark Watermark `key:"high_watermark"`
}

// Disk says how little room on disk stops publishers.
type Disk struct {
	// FreeLimit is the room of the data directory's file system below which publishers are stopped.
	FreeLimit Size `key:"free_limit"`
}

// Listener says where a protocol is served.
type Listener struct {
	Listen Addresses `key:"listen"`
}

// RabbitMQ says which RabbitMQ the AMQP front end shows itself as.
type RabbitMQ struct {
	// Version is the version that clients see; they switch on it.
	Version string `key:"version"`
}

// AWS is the endpoint of the AWS services: one port for HTTP and HTTPS.
type AWS struct {
	Listen Addresses `key:"listen"`
	// Auth says whose requests are taken: AWSAuthAuto, AWSAuthOff or AWSAuthOn.
	Auth string `key:"auth" oneof:"auto,off,on"`
	// RequireTLS refuses requests over plain HTTP.
	RequireTLS bool `key:"require_tls"`
	// Root is the root user of account 000000000000, which may do everything there.
	Root AWSRoot `key:"root"`
	// Identities is the file of other accounts, users, groups, roles and policies.
	Identities string `key:"identities"`
	// Region is where account 000000000000 is the virtual host /.
	Region string `key:"region"`
	SQS    SQS    `key:"sqs"`
	SNS    SNS    `key:"sns"`
	Lambda Lambda `key:"lambda"`
}

// AWSRoot is the root user's access key.
type AWSRoot struct {
	AccessKey string `key:"access_key"`
	SecretKey string `key:"secret_key" secret:"true"`
}

// SNS is what only SNS has.
type SNS struct {
	// Sign signs what SNS sends; it costs a fraction of a millisecond of processor time a message.
	Sign bool `key:"sign"`
	// Limits applies AWS's quotas of filter policies: 200 a topic, 10,000 an account.
	Limits bool `key:"limits"`
}

// Lambda says what runs the functions that SNS and event source mappings invoke.
type Lambda struct {
	// Endpoint is where they are invoked: the URL of an endpoint that speaks Lambda's Invoke call, or a whole URL with
	// {function} in the place of the function's name. Without one, functions cannot be subscribed.
	Endpoint string `key:"endpoint"`
}

// SMTP says how e-mail is sent, which SNS does to subscribers.
type SMTP struct {
	// Address is the server's host:port; without one, e-mail goes into the outbox of SNS.
	Address string `key:"address"`
	// From is the sender's address.
	From string `key:"from"`
	// User and Password log in where a user is set, over TLS only.
	User     string `key:"user"`
	Password string `key:"password" secret:"true"`
}

// SQS is what only SQS has.
type SQS struct {
	// Pauses makes clients wait, as AWS does, for 60 s after a PurgeQueue before the next one, and after a
	// DeleteQueue before a CreateQueue of the name.
	Pauses bool `key:"pauses"`
}

// The values of AWS.Auth.
const (
	// AWSAuthAuto takes any access key from this machine and refuses others.
	AWSAuthAuto = "auto"
	// AWSAuthOff takes any access key from anywhere.
	AWSAuthOff = "off"
	// AWSAuthOn verifies signatures and evaluates policies.
	AWSAuthOn = "on"
)

// Management is the HTTP listener for health and administration.
type Management struct {
	Listen Addresses     `key:"listen"`
	TLS    ManagementTLS `key:"tls"`
}

// ManagementTLS is the HTTPS listener for health and administration.
type ManagementTLS struct {
	Listen Addresses `key:"listen"`
}

// Shutdown says how a stop is carried out.
type Shutdown struct {
	// Timeout is how long clients get to finish when the server is told to stop.
	Timeout time.Duration `key:"timeout"`
}

// Default returns the configuration that suits a laptop: it is what Portico
// uses when nothing is set.
func Default() *Config {
	return &Config{
		DataDir:        "./portico-data",
		Durability:     DurabilityFsync,
		Log:            Log{Level: "info", Format: "text"},
		MaxMessageSize: 16 << 20,
		DefaultUser:    DefaultUser{Name: "guest", Password: "guest", LoopbackOnly: true},
		Memory:         Memory{HighWatermark: Watermark{Fraction: 0.4}},
		Disk:           Disk{FreeLimit: 256 << 20},
		AMQP:           Listener{Listen: Addresses{":5672"}},
		AMQPS:          Listener{Listen: Addresses{":5671"}},
		RabbitMQ:       RabbitMQ{Version: "3.13.7"},
		STOMP: STOMP{
			Listen: Addresses{":61613"}, Dialect: DialectAuto, LoginTimeout: 10 * time.Second,
			MaxHeaders: 1000, MaxHeaderSize: 100 << 10, MaxHeadersSize: 512 << 10, MaxBodySize: 16 << 20,
		},
		STOMPS: STOMPListener{Listen: Addresses{":61614"}, Dialect: DialectAuto},
		WS:     STOMPListener{Listen: Addresses{":15674"}, Dialect: DialectAuto},
		WSS:    STOMPListener{Listen: Addresses{":15673"}, Dialect: DialectAuto},
		MQ:     MQ{WSS: STOMPListener{Listen: Addresses{":61619"}, Dialect: DialectAuto}},
		AWS:    AWS{Listen: Addresses{":4566"}, Auth: AWSAuthAuto, Region: "us-east-1", SNS: SNS{Sign: true}},
		Management: Management{
			Listen: Addresses{":15672"},
			TLS:    ManagementTLS{Listen: Addresses{":15671"}},
		},
		Metrics:  Listener{Listen: Addresses{":15692"}},
		Shutdown: Shutdown{Timeout: 10 * time.Second},
	}
}
