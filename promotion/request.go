package promotion

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// CommentEvent is a new comment with commands in it. The door has already ignored bots, edited comments and comments
// that are not on a pull request.
type CommentEvent struct {
	Repository Repository
	Issue      int    // the pull request's number; 0 for a comment on a commit
	Commit     Commit // that was commented on; zero for a comment on a pull request
	Comment    int64
	Commented  time.Time
	Author     Person
	Open       bool // the pull request was open when GitHub told of the comment
	Insider    bool // GitHub calls the author an owner, member or collaborator
	Commands   []Command
	TooMany    bool // more commands than a comment may have: all are refused
	Received   time.Time
	Swept      bool // it was found by a sweep, and no delivery told of it
}

// ReplyKey gives the key of the announcement that answers a comment on an issue.
func ReplyKey(repository, comment int64) string {
	return fmt.Sprintf("reply/%d/%d", repository, comment)
}

// PressEvent is a press of a check run's button.
type PressEvent struct {
	Repository Repository
	CheckRun   int64
	Key        string // the check run's external id, which is our announcement's key
	Identifier string
	Commit     Commit // the check run's head
	Sender     Person
	Delivery   string // its GUID
	Received   time.Time
}

// Door turns what people ask for into requests, each of which takes effect once.
type Door struct {
	Requests      RequestReader
	Announcements AnnouncementReader
}

// Commented takes a comment. It costs no call: a request row for each command, to be carried on by the Promoter.
func (d Door) Commented(ctx context.Context, event CommentEvent) (Changes, error) {
	commands := event.Commands
	if event.TooMany {
		commands = []Command{{
			Line: commands[0].Line, Verb: commands[0].Verb,
			Problem: fmt.Sprintf("a comment may hold at most %d commands; this one has more, and none of them was carried out", MaximumCommands),
		}}
	}
	var changes Changes
	for i, command := range commands {
		source := FromComment
		if event.Issue == 0 {
			source = FromCommit
		}
		request := Request{
			Key: fmt.Sprintf("%s/%d/%d/%d", source, event.Repository.ID, event.Comment, i), Source: source, Repository: event.Repository,
			Issue: event.Issue, Commit: event.Commit, Comment: event.Comment, Commented: event.Commented, Requester: event.Author, Insider: event.Insider,
			Command: command, Received: event.Received, Swept: event.Swept, Unmerged: event.Open, State: RequestOpen,
		}
		if err := d.add(ctx, &changes, request); err != nil {
			return Changes{}, err
		}
	}
	return changes, nil
}

// MaximumCommands is how many commands a comment may hold.
const MaximumCommands = 10

// Pressed takes a press of a button. What it promotes comes from our own row, not from the event.
func (d Door) Pressed(ctx context.Context, event PressEvent) (Changes, error) {
	announcement, err := d.Announcements.Announcement(ctx, event.Key)
	if errors.Is(err, ErrNotFound) {
		return Changes{}, nil
	}
	if err != nil {
		return Changes{}, err
	}
	check := announcement.Check
	sequence, ours := ButtonSequence(event.Identifier)
	if check == nil || !ours || check.Repository.ID != event.Repository.ID || check.Commit != event.Commit {
		return Changes{}, nil
	}
	request := Request{
		Key: fmt.Sprintf("button/%d/%d/%d", event.Repository.ID, event.CheckRun, event.Sender.ID), Source: FromButton, Repository: event.Repository,
		CheckRun: event.CheckRun, Sequence: sequence, Delivery: event.Delivery, Commit: check.Commit, Environment: check.Environment, Requester: event.Sender, Insider: true,
		Command:  Command{Line: "/promote " + check.Environment, Verb: VerbPromote, Names: []string{check.Environment}},
		Received: event.Received, State: RequestOpen,
	}
	var changes Changes
	err = d.add(ctx, &changes, request)
	return changes, err
}

// add adds the request and its row of work, unless it was added before: under this delivery or another.
func (d Door) add(ctx context.Context, changes *Changes, request Request) error {
	_, err := d.Requests.RequestByKey(ctx, request.Key)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	changes.Requests = append(changes.Requests, &request)
	changes.Work = append(changes.Work, NewWork{Kind: WorkRequest, Subject: request.Key, Repository: request.Repository.ID, Queue: request.queue()})
	return nil
}

// Eyes, and the reactions that follow them, as product.md names them.
const (
	ReactionEyes     = "eyes"
	ReactionRocket   = "rocket"
	ReactionInformed = "+1"
	ReactionRefused  = "-1"
	ReactionConfused = "confused"
)

// reactionTo gives the one reaction to a comment's answers: the worst of them.
func reactionTo(answers []Answer) string {
	rank := map[Result]int{ResultErrored: 4, ResultRefused: 3, ResultPromoted: 2, ResultRolledBack: 2}
	worst := 0
	for _, answer := range answers {
		worst = max(worst, rank[answer.Result])
	}
	return []string{ReactionInformed, ReactionInformed, ReactionRocket, ReactionRefused, ReactionConfused}[worst]
}

func reaction(request Request, content string) Announcement {
	return Announcement{
		Key:  strings.Join([]string{reactionWord(request), strconv.FormatInt(request.Repository.ID, 10), strconv.FormatInt(request.Comment, 10), content}, "/"),
		Kind: AnnounceReaction, Repository: request.Repository, Issue: request.Issue, Commit: request.commented(), Comment: request.Comment, Reaction: content,
	}
}

// commented gives the commit that was commented on; zero for a comment on a pull request, or none.
func (r Request) commented() Commit {
	if r.Source != FromCommit {
		return Commit{}
	}
	return r.Commit
}

// reactionWord keeps the comments on commits, whose ids are their own, apart from those on pull requests.
func reactionWord(request Request) string {
	if request.Source == FromCommit {
		return "commit_reaction"
	}
	return "reaction"
}
