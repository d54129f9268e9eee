package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// says neither of the words.
func (s *story) keepsFrom(text string, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if strings.Contains(text, word) {
			s.t.Errorf("%q is not true, and is in:\n%s", word, text)
		}
	}
}

func TestAMissingScopeSaysOnlyThat(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.Scope = nil }})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.settled()
	reply := s.refuses(pull.Issue, s.Alice, "/promote --dry-run", "registry_scope")
	s.expect(reply, "whoever runs Verbatim")
	s.keepsFrom(reply, "there is no such tag", "was seen for this commit", "image_missing", "stage_missing", "stage_running")
}

func TestStatusSaysWhatWasRecordedAndNotWhatTheRegistryHas(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	_, err := s.Registry.PushIndex(scene.Image, pull.MergeCommit().SHA(), "basket")
	s.must(err)
	reply := s.informs(pull.Issue, s.Alice, "/promote status", "no digest was recorded for it yet")
	s.keepsFrom(reply, "there is no such tag")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "no stage recorded a digest for it")
}
