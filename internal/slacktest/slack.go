// Package slacktest is a stand-in for Slack's incoming webhooks, for tests and the demo.
package slacktest

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server takes messages at one webhook address and refuses what Slack refuses.
type Server struct {
	listener net.Listener
	http     *http.Server

	mutex    sync.Mutex
	messages []Message
	fault    func(http.ResponseWriter) bool
}

// Message is one message that was taken.
type Message struct {
	Text string
	Body string // the JSON as it came
}

// New starts a stand-in on loopback.
func New() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Close stops listening.
func (s *Server) Close() { _ = s.http.Close() }

const hookPath = "/services/T00000000/B00000000/slacktestsecret"

// URL gives the webhook's address. It is a secret, as Slack's are.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + hookPath }

// Fail has the fault answer instead, for as long as it returns true. nil ends it.
func (s *Server) Fail(fault func(http.ResponseWriter) bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fault = fault
}

// Messages gives what was taken so far.
func (s *Server) Messages() []Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.messages)
}

// ServeHTTP answers as Slack does: "ok", or invalid_payload, no_text, no_service with 400, 404
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.fault != nil && s.fault(w) {
		return
	}
	if r.URL.Path != hookPath {
		http.Error(w, "no_service", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var message struct {
		Text   string            `json:"text"`
		Blocks []json.RawMessage `json:"blocks"`
	}
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || json.Unmarshal(body, &message) != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	if message.Text == "" && len(message.Blocks) == 0 {
		http.Error(w, "no_text", http.StatusBadRequest)
		return
	}
	if len(message.Blocks) > 50 {
		http.Error(w, "invalid_blocks", http.StatusBadRequest)
		return
	}
	s.messages = append(s.messages, Message{Text: message.Text, Body: string(body)})
	_, _ = io.WriteString(w, "ok") // the client may be gone
}
