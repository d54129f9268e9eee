package server

import (
	"fmt"
	"net/url"
	"time"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

// unanswering says of the hosts that have not answered the last calls what does not work because of it.
func (s *Server) unanswering() []selfcheck.Finding {
	var findings []selfcheck.Finding
	settings := s.options.Settings
	known := map[string]string{hostOf(settings.GitHub.V3APIURL): selfcheck.GitHub, hostOf(settings.GitHub.V4APIURL): selfcheck.GitHub}
	for _, webhook := range settings.Slack {
		known[hostOf(webhook.URL.Reveal())] = "slack"
	}
	for host, since := range s.budget.Unanswering() {
		name, isKnown := known[host]
		if !isKnown {
			name = selfcheck.RegistryName(host)
		}
		findings = append(findings, selfcheck.Finding{
			Name: name, State: selfcheck.Degraded, Found: fmt.Sprintf("%s has answered no call since %s: what needs it waits", host, since.UTC().Format(time.RFC3339)),
			Mend: "nothing, if it is down: work goes on by itself once it answers; else look at the way there (names, proxies, certificates)",
		})
	}
	return findings
}

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return parsed.Host
}
