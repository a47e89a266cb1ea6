// Package wire reads and writes STOMP 1.0, 1.1 and 1.2 frames, to the letter
// of the specifications where RabbitMQ follows them, and as RabbitMQ 3.10.8
// was measured to do where the versions differ or it does not.
//
//	COMMAND LF
//	name:value LF      any number of them; CR LF is taken for LF in every version
//	LF
//	body NUL           content-length bytes, or up to the first NUL
//
// Between frames any number of line ends and NULs is skipped. The codec knows
// frames, not what they mean; it does no I/O but the Read of its source, and
// holds no more memory than its limits and the bytes that have arrived.
package wire
