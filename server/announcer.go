package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
	"github.com/verbatim-dev/verbatim/promotion/report"
)

// AnnouncementLedger reads announcements and keeps what became of them.
type AnnouncementLedger interface {
	promotion.AnnouncementReader
	// AnnouncementMade says which version was made known, under which id, and completes the row of work.
	AnnouncementMade(ctx context.Context, lease promotion.Lease, key string, version, external int64, closed bool) error
}

// Commenter writes comments and reactions.
type Commenter interface {
	CreateComment(ctx context.Context, repository promotion.Repository, issue int, body string) (int64, error)
	EditComment(ctx context.Context, repository promotion.Repository, comment int64, body string) error
	FindComment(ctx context.Context, repository promotion.Repository, issue int, marker string, since time.Time) (int64, bool, error)
	React(ctx context.Context, repository promotion.Repository, comment int64, content string) error
}

// CommitCommenter writes comments and reactions on commits.
type CommitCommenter interface {
	CreateCommitComment(ctx context.Context, repository promotion.Repository, commit promotion.Commit, body string) (int64, error)
	EditCommitComment(ctx context.Context, repository promotion.Repository, comment int64, body string) error
	FindCommitComment(ctx context.Context, repository promotion.Repository, commit promotion.Commit, marker string, since time.Time) (int64, bool, error)
	ReactToCommitComment(ctx context.Context, repository promotion.Repository, comment int64, content string) error
}

// Checker writes check runs.
type Checker interface {
	CreateCheckRun(ctx context.Context, repository promotion.Repository, check forge.CheckRun) (int64, error)
	UpdateCheckRun(ctx context.Context, repository promotion.Repository, id int64, check forge.CheckRun) error
	FindCheckRun(ctx context.Context, repository promotion.Repository, commit promotion.Commit, name, externalID string) (id int64, completed, found bool, err error)
}

// Messenger sends a message to a webhook by its name in the settings.
type Messenger interface {
	Send(ctx context.Context, webhook string, repository promotion.Repository, body []byte) error
}

// Announcer tells GitHub and Slack what was decided. Each announcement is known by its meaning: telling it again edits
// what was told, and after a crash it looks for what it told before it tells it anew.
type Announcer struct {
	Ledger    AnnouncementLedger
	Comments  Commenter
	OnCommits CommitCommenter
	Checks    Checker
	Messenger Messenger
	Presence  Presence
}

// Presence says what repositories are called now.
type Presence interface {
	// Lately returns what the repository was called within the last minute; a *promotion.GoneError when it is not there any more.
	Lately(ctx context.Context, repository promotion.Repository) (promotion.Repository, error)
}

// Tell makes one announcement known and completes its row of work.
func (a *Announcer) Tell(ctx context.Context, work promotion.Work) error {
	announcement, err := a.Ledger.Announcement(ctx, work.Subject)
	if err != nil {
		return fmt.Errorf("read announcement %s: %w", work.Subject, err)
	}
	external, closed := announcement.External, announcement.Closed
	if announcement.Done < announcement.Version && announcement.Kind != promotion.AnnounceSlack {
		announcement.Repository, err = a.Presence.Lately(ctx, announcement.Repository)
	}
	if err == nil && announcement.Done < announcement.Version {
		again := work.Attempts > 1 || announcement.Version > 1 && announcement.External == 0
		switch announcement.Kind {
		case promotion.AnnounceReply:
			external, err = a.reply(ctx, announcement, again)
		case promotion.AnnounceReaction:
			react := a.Comments.React
			if !announcement.Commit.IsZero() {
				react = a.OnCommits.ReactToCommitComment
			}
			err = react(ctx, announcement.Repository, announcement.Comment, announcement.Reaction)
			if !announcement.Commit.IsZero() && lacksPermission(err) {
				zerolog.Ctx(ctx).Debug().Err(err).Msg("no reaction to a comment on a commit: the app may do without contents: write")
				err = nil
			}
		case promotion.AnnounceCheck:
			external, closed, err = a.check(ctx, announcement, again)
		case promotion.AnnounceSlack:
			err = a.Messenger.Send(ctx, announcement.Notice.Webhook, announcement.Repository, report.Slack(*announcement.Notice))
		}
	}
	if errors.Is(err, promotion.ErrNotFound) || errors.As(err, new(*promotion.GoneError)) {
		// The repository, the comment or the endpoint is gone: there is nobody to tell. Whoever has its name now is not told.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("announcement dropped: there is no such place any more")
		err = nil
	}
	if err != nil {
		return fmt.Errorf("announce %s: %w", announcement.Key, err)
	}
	return a.Ledger.AnnouncementMade(ctx, work.Lease, announcement.Key, announcement.Version, external, closed)
}

func (a *Announcer) reply(ctx context.Context, announcement promotion.Announcement, again bool) (int64, error) {
	body, repository := report.Reply(announcement.Answers, announcement.Key), announcement.Repository
	find := func(marker string) (int64, bool, error) {
		return a.Comments.FindComment(ctx, repository, announcement.Issue, marker, time.Time{})
	}
	edit := a.Comments.EditComment
	create := func() (int64, error) { return a.Comments.CreateComment(ctx, repository, announcement.Issue, body) }
	if commit := announcement.Commit; !commit.IsZero() {
		find = func(marker string) (int64, bool, error) {
			return a.OnCommits.FindCommitComment(ctx, repository, commit, marker, time.Time{})
		}
		edit = a.OnCommits.EditCommitComment
		create = func() (int64, error) { return a.OnCommits.CreateCommitComment(ctx, repository, commit, body) }
	}
	id := announcement.External
	if id == 0 && again {
		found, isThere, err := find(report.Marker(announcement.Key))
		if err != nil {
			return 0, err
		}
		if isThere {
			id = found
		}
	}
	if id != 0 {
		err := edit(ctx, repository, id, body)
		if announcement.Commit.IsZero() || !lacksPermission(err) {
			return id, err
		}
	}
	return create()
}

// lacksPermission reports whether the app lacks a permission. Of comments on commits everything but making them takes contents:
// write, which the app does not ask for: it does without, and makes another comment where it cannot edit.
func lacksPermission(err error) bool {
	paused, isPaused := promotion.Paused(err)
	return isPaused && paused.Fault == promotion.FaultGitHubPermission
}

// check updates the check run that is still open, or makes another of the same name: GitHub does not reopen one that
// has completed.
func (a *Announcer) check(ctx context.Context, announcement promotion.Announcement, again bool) (int64, bool, error) {
	check := *announcement.Check
	text := report.CheckRun(check)
	run := forge.CheckRun{
		Name: CheckName(check.Environment), HeadSHA: check.Commit.String(), Status: text.Status, Conclusion: text.Conclusion, ExternalID: announcement.Key,
		Title: text.Title, Summary: text.Summary, Text: text.Text,
	}
	if check.Button != "" {
		run.Actions = []forge.CheckAction{{Label: text.ActionLabel, Description: text.ActionDescription, Identifier: check.Button}}
	}
	completed := text.Status == "completed"
	if announcement.External != 0 && !announcement.Closed {
		return announcement.External, completed, a.Checks.UpdateCheckRun(ctx, announcement.Repository, announcement.External, run)
	}
	if again {
		id, itsCompleted, found, err := a.Checks.FindCheckRun(ctx, announcement.Repository, check.Commit, run.Name, announcement.Key)
		if err != nil {
			return 0, false, err
		}
		if found && id != announcement.External && (completed || !itsCompleted) {
			return id, completed, a.Checks.UpdateCheckRun(ctx, announcement.Repository, id, run)
		}
	}
	id, err := a.Checks.CreateCheckRun(ctx, announcement.Repository, run)
	return id, completed, err
}

// CheckName gives the name of an environment's check run.
func CheckName(environment string) string { return "verbatim / " + environment }
