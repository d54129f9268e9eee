// Package githubtest is a GitHub with one app in it: stateful, over real HTTP on loopback, for stories that a test (or
// verbatim demo) tells.
//
// It speaks the wire protocol of GitHub's REST API and webhooks and refuses what GitHub refuses: tokens are checked and
// expire, permissions are enforced endpoint by endpoint, requests over a limit are 422, a completed check run is not reopened,
// a renamed repository redirects. There is no testing.T in it, and nothing but Go is needed to run it.
//
// # A story
//
//	gh := githubtest.New(githubtest.Options{})
//	defer gh.Close()
//	gh.SetHook("http://127.0.0.1:8080/api/github/hook", "") // signed with gh.WebhookSecret()
//
//	alice := gh.User("alice")
//	repo := gh.Repository("acme/shop", githubtest.Private) // the app is installed in it
//	repo.SetRole(alice, "maintain")
//	repo.Commit("main", "Begin", alice, map[string]string{"README.md": "# Shop\n"})
//	repo.Commit("feature", "Sell things", alice, map[string]string{"main.go": "package main\n"})
//	pull := repo.OpenPullRequest(githubtest.PullRequestSpec{Title: "Sell things", Author: alice, Head: "feature"})
//	merged := pull.Merge("squash", alice)
//
//	run := repo.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", Head: merged}).Request().Start()
//	run.Job("build").Start().Complete("success")
//	run.Complete("success")
//
//	command := pull.Comment(alice, "/promote production")
//	// … the app under test answers …
//	command.Reactions(gh.AppBot())      // "eyes", "rocket"
//	pull.Comments()                     // its reply among them
//	gh.Click(repo.CheckRuns("")[0], "promote", alice)
//
// Every change of the world that GitHub announces is announced: a signed POST to the hook, done when the method returns. The
// webhooks that requests to the API cause (the app's own comments and check runs) go out after the answer; Drain waits for
// them. Payloads are GitHub's published examples with everything that the world knows put over them.
//
// # Missed, late, repeated, forged
//
// Quietly changes the world without webhooks. LoseDeliveries lets them fail, so that the app can find them at
// /app/hook/deliveries. Capture gives them unsent, for another order. Delivery.Send posts one once more as it was,
// Delivery.Redeliver as GitHub does on request. PostHook posts anything.
//
// # Faults
//
// Inject makes requests go wrong (status, delay, reset, truncated body, an answer lost after its effect) or lets something
// happen between two of them. Requests, Calls, CallsTo and CallCounts say what was asked; UnknownRoutes what nobody answers.
//
// # Held against GitHub's description
//
// Hold validates requests, answers and webhooks against GitHub's own OpenAPI description, which fetch-description gets from
// npm. In a story elsewhere:
//
//	description, err := githubtest.Description()
//	if errors.Is(err, githubtest.ErrNoDescription) { t.Skip(err) } // but fail when CI=true
//	gh.Hold(description, func(err error) { t.Error(err) })
//
// # Time
//
// The world's time is Options.Clock, in whole seconds as GitHub's. Tokens and rate limits go by Options.AuthenticationClock,
// because clients sign and refresh by the wall clock.
//
// # Decisions where GitHub is silent
//
//   - A completed check run keeps status and conclusion whatever a PATCH says, which answers 200; title, summary, text and
//     actions change.
//   - A public repository's code, runs, comments and pull requests may be read without the permission, and by installations
//     elsewhere; writing to a repository outside of the installation is 403 when it is public, 404 when it is private.
//   - Jobs that a re-run of failed jobs kept are listed with the attempt in which they ran; ListKeptJobs has them listed
//     anew as well, or instead.
//   - The permission of a bot, and of a login that nobody has, is 404 "… is not a user".
package githubtest
