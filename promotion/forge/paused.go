package forge

import (
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

const mendCredentials = "check GITHUB_APP_INTEGRATION_ID, GITHUB_APP_PRIVATE_KEY and this machine's clock"

// refusedCredentials says that GitHub does not take the app's key, id or token.
func refusedCredentials(answer *answerError) error {
	answer.hint = "it does not take the app's credentials; " + mendCredentials
	return &promotion.PausedError{Fault: promotion.FaultGitHubCredentials, Mend: mendCredentials, Err: answer}
}

// lacksPermission reports whether GitHub says that the app may not do this anywhere, rather than that nobody may do it now.
// (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible)
func lacksPermission(refused refusal) bool {
	return strings.Contains(refused.message, "not accessible by integration") || strings.Contains(refused.message, "IP allow list")
}

// forbidden names the permission that is probably missing: GitHub says which ones a call accepts in a header.
func forbidden(r request, refused refusal, answer *answerError) error {
	paused := &promotion.PausedError{Fault: promotion.FaultGitHubPermission, What: r.permission, Err: answer}
	if accepted := refused.header.Get("X-Accepted-GitHub-Permissions"); accepted != "" {
		paused.What = oneLine(accepted, 100)
	}
	if !strings.Contains(refused.message, "not accessible by integration") {
		paused.Mend = "ask an owner of the repository or the organisation why GitHub keeps the app out"
		return paused
	}
	paused.Mend = "give the app the permission " + paused.What + " on its settings page, and have an owner accept it on the installation's page"
	answer.hint = "the app probably lacks the permission " + paused.What + ", or its new permissions were not accepted yet"
	return paused
}
