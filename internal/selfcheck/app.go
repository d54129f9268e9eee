package selfcheck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// AppReader asks GitHub who we are.
type AppReader interface {
	App(ctx context.Context) (forge.App, error)
}

// Needs are what the app must have on GitHub for the server to do its work.
type Needs struct {
	AppID       int64
	Permissions map[string]string // by name: read or write
	Events      []string
}

// BasePermissions returns the permissions without which no promotion goes through.
func BasePermissions() map[string]string {
	return map[string]string{
		"actions": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read", "metadata": "read", "pull_requests": "write",
	}
}

// App asks GitHub once, as the app, and compares what it answers with what is needed. A key, id or address that GitHub answers
// is wrong makes the finding Wrong; no answer makes it Unknown.
func App(ctx context.Context, reader AppReader, needs Needs) []Finding {
	app, err := reader.App(ctx)
	if paused, isPaused := promotion.Paused(err); isPaused && paused.Fault == promotion.FaultGitHubCredentials {
		return []Finding{{Name: GitHub, State: OK}, {Name: GitHubCredentials, State: Wrong, Found: err.Error(), Mend: paused.Mend}}
	}
	if err != nil {
		return []Finding{{Name: GitHub, State: Unknown, Found: err.Error(), Mend: "nothing, if GitHub is back soon; else check GITHUB_V3_API_URL and the network"}}
	}
	found := []Finding{{Name: GitHub, State: OK}, {Name: GitHubCredentials, State: OK, Found: "the app " + app.Slug}}
	if app.ID != needs.AppID {
		found[1].State, found[1].Found = Wrong, fmt.Sprintf("GitHub answers that the key belongs to app %d (%s), the settings name app %d", app.ID, app.Slug, needs.AppID)
		found[1].Mend = "set GITHUB_APP_INTEGRATION_ID and GITHUB_APP_PRIVATE_KEY to those of one app"
		return found
	}
	return append(found, permissions(app, needs.Permissions), events(app, needs.Events))
}

func permissions(app forge.App, needed map[string]string) Finding {
	finding := Finding{Name: GitHubPermissions, State: OK}
	if app.Permissions == nil {
		finding.State, finding.Found = Unknown, "GitHub's answer names no permissions"
		return finding
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if permissionRank[app.Permissions[name]] < permissionRank[needed[name]] {
			missing = append(missing, name+": "+needed[name])
		}
	}
	if len(missing) > 0 {
		finding.State, finding.Found = Degraded, "the app lacks the permissions "+strings.Join(missing, ", ")
		finding.Permissions = missing
		finding.Mend = "add them on the app's settings page under Permissions, and have an owner of each installation accept them"
	}
	return finding
}

var permissionRank = map[string]int{"read": 1, "write": 2, "admin": 3}

func events(app forge.App, needed []string) Finding {
	finding := Finding{Name: GitHubEvents, State: OK}
	if app.Events == nil {
		finding.State, finding.Found = Unknown, "GitHub's answer names no events"
		return finding
	}
	var missing []string
	for _, event := range needed {
		if !slices.Contains(app.Events, event) {
			missing = append(missing, event)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		finding.State, finding.Found = Degraded, "the app is not subscribed to "+strings.Join(missing, ", ")
		finding.Mend = "subscribe to them on the app's settings page under Permissions & events"
	}
	return finding
}
