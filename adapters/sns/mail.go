package sns

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/broker"
)

// Mail says how e-mail is sent.
type Mail struct {
	// Address is host:port of the SMTP server; "" sends none. TLS is used when the server offers it
	// (STARTTLS), and from the start on port 465.
	Address string
	// From is the sender's address.
	From string
	// User and Password log in, over TLS only; "" does not.
	User, Password string
}

// mailTime is how long sending one e-mail may take.
const mailTime = 30 * time.Second

// smtpsPort is the port where TLS comes first [RFC 8314].
const smtpsPort = "465"

// mailer delivers by e-mail.
type mailer struct{ adapter *Adapter }

func (mailer) patience() time.Duration { return mailTime }

func (mailer) schedule() *retry.Schedule { return &retry.Outside }

// deliver implements transport.
func (m mailer) deliver(ctx context.Context, c *courier, _ *broker.Message, n *notice) error {
	subject, body, err := c.mail(n)
	if err != nil {
		return err
	}
	return m.adapter.mail.send(ctx, c.display, c.Endpoint, subject, body)
}

func (m mailer) confirm(ctx context.Context, s *subscription, e *envelope) error {
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	return m.adapter.mail.send(ctx, "", s.Endpoint, confirmSubject, mailConfirmation(s, e))
}

const (
	mailSubject    = "AWS Notification Message"
	confirmSubject = "AWS Notification - Subscription Confirmation"
)

// mail is a message as an e-mail.
func (c *courier) mail(n *notice) (subject, body string, err error) {
	subject = n.subject
	if subject == "" {
		subject = mailSubject
	}
	if c.Protocol == protocolEmailJSON {
		text, err := awsproto.EncodeJSON(c.rule.envelope(n))
		return subject, string(text), err
	}
	return subject, n.text + "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:\n" +
		c.unsubscribeURL() + "\n", nil
}

// mailConfirmation is the text that asks for a confirmation by e-mail.
func mailConfirmation(s *subscription, e *envelope) string {
	if s.Protocol == protocolEmailJSON {
		text, err := awsproto.EncodeJSON(e)
		if err != nil {
			panic(err) // a structure of strings always has a JSON form
		}
		return string(text)
	}
	return "You have chosen to subscribe to the topic:\n" + s.Topic +
		"\n\nTo confirm this subscription, click or visit the link below (If this was in error no action is necessary):\n" +
		s.confirmURL() + "\n"
}

// send sends one e-mail. What the server refuses for good (5xx) wraps errRefused.
func (m Mail) send(ctx context.Context, display, to, subject, body string) error {
	client, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // after QUIT it is closed already
	err = m.login(client)
	if err == nil {
		err = client.Mail(m.From)
	}
	if err == nil {
		err = client.Rcpt(to)
	}
	if err == nil {
		err = m.write(client, display, to, subject, body)
	}
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 500 {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if err != nil {
		return err
	}
	_ = client.Quit() // it has the message
	return nil
}

func (m Mail) dial(ctx context.Context) (*smtp.Client, error) {
	host, port, err := net.SplitHostPort(m.Address)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", m.Address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(deadline)
	}
	if port == smtpsPort {
		conn = tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	}
	var client *smtp.Client
	if err == nil {
		client, err = smtp.NewClient(conn, host)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	if ok, _ := client.Extension("STARTTLS"); ok {
		if err := client.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			_ = client.Close() // it failed
			return nil, err
		}
	}
	return client, nil
}

func (m Mail) login(client *smtp.Client) error {
	if m.User == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(m.Address)
	if err != nil {
		return err
	}
	return client.Auth(smtp.PlainAuth("", m.User, m.Password, host)) // it refuses a connection without TLS
}

func (m Mail) write(client *smtp.Client, display, to, subject, body string) error {
	w, err := client.Data()
	if err != nil {
		return err
	}
	headers := []string{
		"From: " + (&mail.Address{Name: display, Address: m.From}).String(), "To: " + (&mail.Address{Address: to}).String(),
		"Subject: " + mime.QEncoding.Encode("utf-8", subject), "Date: " + time.Now().Format(time.RFC1123Z),
		"Message-ID: <" + awsproto.NewID() + "@sns>", "MIME-Version: 1.0",
		"Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: quoted-printable", "", "",
	}
	if _, err := w.Write([]byte(strings.Join(headers, "\r\n"))); err != nil {
		return err
	}
	text := quotedprintable.NewWriter(w)
	_, err = text.Write([]byte(body))
	return errors.Join(err, text.Close(), w.Close())
}
