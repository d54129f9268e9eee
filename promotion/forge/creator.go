package forge

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
)

// The addresses of github.com's APIs, used when the settings name none.
const (
	DefaultV3URL = "https://api.github.com/"
	DefaultV4URL = "https://api.github.com/graphql"
)

// ClientOptions are what clients can be given. The zero value works.
type ClientOptions struct {
	UserAgent   string                                    // "verbatim/1.2.3"; "": "verbatim"
	Timeout     time.Duration                             // of one call; 0: DefaultTimeout
	MaximumBody int64                                     // of one answer, in bytes; 0: DefaultMaximumBody
	Observe     Observe                                   // nil: nobody is told
	Middleware  []githubapp.ClientMiddleware              // around each request, outside of authentication
	Transport   http.RoundTripper                         // nil: one of our own, shared by all clients
	Around      func(http.RoundTripper) http.RoundTripper // around the transport, below authentication; Identity says who calls. nil: nothing
}

// NewClientCreator makes what makes clients, and checks the settings that it takes, so that a key that cannot sign is
// found at start. It makes no calls.
//
// GitHub Enterprise Server's address is needed with its path, as in https://github.example.com/api/v3/: go-githubapp
// adds the last slash and nothing else. Plain HTTP is for loopback only. There is no HTTP cache: GitHub's ETags change
// with each hourly token. Clients are not cached here either: a Forge keeps its own, one for each installation, so
// that it can drop one whose token GitHub has revoked.
func NewClientCreator(config githubapp.Config, options ClientOptions) (githubapp.ClientCreator, error) {
	v3, err := parseAddress("GITHUB_V3_API_URL", cmp.Or(config.V3APIURL, DefaultV3URL))
	if err != nil {
		return nil, err
	}
	v4, err := parseAddress("GITHUB_V4_API_URL", cmp.Or(config.V4APIURL, graphAddress(config.V3APIURL)))
	if err != nil {
		return nil, err
	}
	if config.App.IntegrationID <= 0 {
		return nil, fmt.Errorf("GITHUB_APP_INTEGRATION_ID: expected the app's id, as its settings page shows it")
	}
	transport := options.Transport
	if transport == nil {
		transport = newTransport()
	}
	if options.Around != nil {
		transport = options.Around(transport)
	}
	guarded := &guard{
		next:    transport,
		host:    v3.Host,
		graph:   *v4,
		maximum: cmp.Or(options.MaximumBody, DefaultMaximumBody),
		observe: options.Observe,
	}
	creator := githubapp.NewClientCreator(v3.String(), v4.String(), config.App.IntegrationID, []byte(config.App.PrivateKey),
		githubapp.WithClientUserAgent(cmp.Or(options.UserAgent, "verbatim")),
		githubapp.WithClientTimeout(cmp.Or(options.Timeout, DefaultTimeout)),
		githubapp.WithClientMiddleware(options.Middleware...),
		githubapp.WithTransport(guarded),
	)
	if _, err := creator.NewAppClient(); err != nil {
		return nil, fmt.Errorf("GITHUB_APP_PRIVATE_KEY: expected the app's private key, an RSA key in PEM form with its line breaks")
	}
	return creator, nil
}

// parseAddress reads the address of an API. The error names the setting, and never gives the address: it may hold a password.
func parseAddress(setting, text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || (address.Scheme != "https" && address.Scheme != "http") {
		return nil, fmt.Errorf("%s: expected an address like %s", setting, DefaultV3URL)
	}
	if address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return nil, fmt.Errorf("%s: expected an address without user name, query or fragment", setting)
	}
	if address.Scheme == "http" && !isLoopback(address.Hostname()) {
		return nil, fmt.Errorf("%s: plain HTTP is for loopback only: tokens would travel unencrypted", setting)
	}
	return address, nil
}

// graphAddress derives the address of the GraphQL API from that of the REST API.
// (https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint)
func graphAddress(v3 string) string {
	if v3 == "" {
		return DefaultV4URL
	}
	return strings.TrimSuffix(strings.TrimSuffix(v3, "/"), "/v3") + "/graphql"
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || (address != nil && address.IsLoopback())
}

// newTransport makes a transport that keeps enough connections for all workers and waits for nothing for ever.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          128,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}
