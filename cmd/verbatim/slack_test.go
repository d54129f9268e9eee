package main

import (
	"os"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/slacktest"
)

// The webhook of SLACK_WEBHOOK_URL hears of every environment that names no other, of a server that was started as operators do.
func TestTheDefaultWebhookServesWhatNamesNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		told bool
	}{
		"no slack in the policy": {"", true},
		"the default by name":    {"    slack: default\n", true},
		"none":                   {"    slack: none\n", false},
		"None":                   {"    slack: None\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slack, err := slacktest.New()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(slack.Close)
			registry, err := registrytest.InProcess()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(registry.Close)
			p := serves(t, os.Stderr, "VERBATIM_REGISTRY_SCOPE=acme/shop="+registry.Host()+"/shop/*", "SLACK_WEBHOOK_URL="+slack.URL())
			p.github.SetHook("http://"+p.addr+"/api/github/hook", "")
			s := scene.On(p.github, registry, "acme/shop", "shop/api", scene.DefaultPolicy(registry.Host())+test.line)
			pull := s.Merged("Add a basket")
			if _, err := s.Verified(t.Context(), pull.MergeCommit(), "basket"); err != nil {
				t.Fatal(err)
			}
			if _, reply, err := s.Ask(t.Context(), pull.Issue, s.Alice, "/promote"); err != nil || !strings.Contains(reply, "Promoted") {
				t.Fatalf("%v: %s", err, reply)
			}
			if !test.told {
				if _, reply, err := s.Ask(t.Context(), pull.Issue, s.Alice, "/promote status"); err != nil {
					t.Fatalf("%v: %s", err, reply)
				}
				if told := slack.Messages(); len(told) > 0 {
					t.Errorf("it was told %q", told[0].Text)
				}
				setAside := `verbatim_work_total{kind="announcement",outcome="set_aside"}`
				if _, metrics := p.get("/metrics"); strings.Contains(metrics, setAside) && !strings.Contains(metrics, setAside+" 0") {
					t.Error("a message was to be sent all the same")
				}
				return
			}
			err = s.Eventually(t.Context(), "Slack to hear of it", func() bool { return len(slack.Messages()) > 0 })
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
