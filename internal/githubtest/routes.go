package githubtest

import (
	"net/http"
	"net/url"
	"strings"
)

// permission is one that an installation can grant.
type permission struct{ name, level string }

func read(name string) permission  { return permission{name, "read"} }
func write(name string) permission { return permission{name, "write"} }

// route is one endpoint. The pattern is that of GitHub's OpenAPI description, where "{name...}" may hold slashes.
type route struct {
	method   string
	pattern  string
	segments []string
	access   access
	answer   func(*call) answer
}

// access says who may call an endpoint.
type access struct {
	app    bool         // the app's JWT, and nothing else
	anyone bool         // no token needed
	oneOf  []permission // an installation token with any one of these
	// public: "This endpoint can be used without authentication or the aforementioned permissions if only public
	// resources are requested" is what GitHub's documentation says of it.
	public bool
}

func asApp() access                       { return access{app: true} }
func needs(oneOf ...permission) access    { return access{oneOf: oneOf} }
func publicOr(oneOf ...permission) access { return access{oneOf: oneOf, public: true} }
func (r *route) String() string           { return r.method + " " + r.pattern }
func (r *route) onRepository() bool       { return strings.HasPrefix(r.pattern, "/repos/{owner}/{repo}") }

func segmentsOf(escaped string) []string   { return strings.Split(strings.TrimPrefix(escaped, "/"), "/") }
func isRest(segment string) (string, bool) { return strings.CutSuffix(segment, "...}") }

// routes is every endpoint, with the permissions that "Permissions required for GitHub Apps" in GitHub's docs lists.
// Comments on issues and reactions to them take "Issues" or "Pull requests", either of which suffices.
var routes = buildRoutes()

func buildRoutes() []*route {
	const repo = "/repos/{owner}/{repo}"
	talk := []permission{read("issues"), read("pull_requests")}
	speak := []permission{write("issues"), write("pull_requests")}
	all := []*route{
		// Apps.
		{method: "GET", pattern: "/app", access: asApp(), answer: getApp},
		{method: "GET", pattern: "/app/installations", access: asApp(), answer: listInstallations},
		{method: "GET", pattern: "/app/installations/{installation_id}", access: asApp(), answer: getInstallation},
		{method: "POST", pattern: "/app/installations/{installation_id}/access_tokens", access: asApp(), answer: createToken},
		{method: "GET", pattern: "/app/hook/deliveries", access: asApp(), answer: listDeliveries},
		{method: "GET", pattern: "/app/hook/deliveries/{delivery_id}", access: asApp(), answer: getDelivery},
		{method: "POST", pattern: "/app/hook/deliveries/{delivery_id}/attempts", access: asApp(), answer: redeliver},
		{method: "GET", pattern: repo + "/installation", access: asApp(), answer: getRepositoryInstallation},
		{method: "GET", pattern: "/orgs/{org}/installation", access: asApp(), answer: getAccountInstallation},
		{method: "GET", pattern: "/users/{username}/installation", access: asApp(), answer: getAccountInstallation},
		{method: "POST", pattern: "/app-manifests/{code}/conversions", access: access{anyone: true}, answer: convertManifest},
		{method: "GET", pattern: "/installation/repositories", access: needs(read("metadata")), answer: listInstallationRepositories},
		{method: "GET", pattern: "/rate_limit", access: access{anyone: true}, answer: getRateLimit},
		{method: "POST", pattern: graphRoute, access: needs(read("contents")), answer: graph},
		// People.
		{method: "GET", pattern: "/users/{username}", access: access{anyone: true}, answer: getUser},
		{method: "GET", pattern: "/orgs/{org}/teams/{team_slug}", access: needs(read("members")), answer: getTeam},
		{method: "GET", pattern: "/orgs/{org}/teams/{team_slug}/memberships/{username}", access: needs(read("members")), answer: getTeamMembership},
		{method: "GET", pattern: "/orgs/{org}/members/{username}", access: needs(read("members")), answer: getMember},
		{method: "GET", pattern: repo + "/collaborators/{username}/permission", access: needs(read("metadata")), answer: getPermission},
		// Code.
		{method: "GET", pattern: repo, access: publicOr(read("metadata")), answer: getRepository},
		{method: "GET", pattern: repo + "/contents/{path...}", access: publicOr(read("contents")), answer: getContents},
		{method: "GET", pattern: repo + "/branches/{branch...}", access: publicOr(read("contents")), answer: getBranch},
		{method: "GET", pattern: repo + "/git/ref/{ref...}", access: publicOr(read("contents")), answer: getReference},
		{method: "GET", pattern: repo + "/git/matching-refs/{ref...}", access: publicOr(read("contents")), answer: listReferences},
		{method: "GET", pattern: repo + "/compare/{basehead...}", access: publicOr(read("contents")), answer: compare},
		{method: "GET", pattern: repo + "/commits", access: publicOr(read("contents")), answer: listCommits},
		{method: "GET", pattern: repo + "/commits/{commit_sha}/pulls", access: publicOr(read("pull_requests")), answer: listCommitPulls},
		{method: "GET", pattern: repo + "/commits/{commit_sha}/comments", access: publicOr(read("contents")), answer: listCommitComments},
		{method: "POST", pattern: repo + "/commits/{commit_sha}/comments", access: needs(read("contents")), answer: createCommitComment},
		{method: "PATCH", pattern: repo + "/comments/{comment_id}", access: needs(write("contents")), answer: updateCommitComment},
		{method: "POST", pattern: repo + "/comments/{comment_id}/reactions", access: needs(write("contents")), answer: reactToCommitComment},
		{method: "GET", pattern: repo + "/attestations/{subject_digest}", access: publicOr(read("attestations")), answer: listAttestations},
		{method: "GET", pattern: repo + "/commits/{ref...}/check-runs", access: publicOr(read("checks")), answer: listCheckRuns},
		{method: "GET", pattern: repo + "/commits/{ref...}/statuses", access: publicOr(read("statuses")), answer: listStatuses},
		{method: "GET", pattern: repo + "/commits/{ref...}", access: publicOr(read("contents")), answer: getCommit},
		// Pull requests and comments.
		{method: "GET", pattern: repo + "/pulls", access: publicOr(read("pull_requests")), answer: listPulls},
		{method: "GET", pattern: repo + "/pulls/{pull_number}", access: publicOr(read("pull_requests")), answer: getPull},
		{method: "GET", pattern: repo + "/pulls/{pull_number}/files", access: publicOr(read("pull_requests")), answer: listPullFiles},
		{method: "GET", pattern: repo + "/pulls/{pull_number}/commits", access: publicOr(read("pull_requests")), answer: listPullCommits},
		{method: "GET", pattern: repo + "/pulls/{pull_number}/reviews", access: publicOr(read("pull_requests")), answer: listReviews},
		{method: "GET", pattern: repo + "/issues/comments", access: publicOr(talk...), answer: listRecentComments},
		{method: "GET", pattern: repo + "/issues/{issue_number}", access: publicOr(talk...), answer: getIssue},
		{method: "GET", pattern: repo + "/issues/{issue_number}/comments", access: publicOr(talk...), answer: listComments},
		{method: "POST", pattern: repo + "/issues/{issue_number}/comments", access: needs(speak...), answer: createComment},
		{method: "GET", pattern: repo + "/issues/comments/{comment_id}", access: publicOr(talk...), answer: getComment},
		{method: "PATCH", pattern: repo + "/issues/comments/{comment_id}", access: needs(speak...), answer: updateComment},
		{method: "DELETE", pattern: repo + "/issues/comments/{comment_id}", access: needs(speak...), answer: deleteComment},
		{method: "GET", pattern: repo + "/issues/comments/{comment_id}/reactions", access: publicOr(talk...), answer: listReactions},
		{method: "POST", pattern: repo + "/issues/comments/{comment_id}/reactions", access: needs(speak...), answer: createReaction},
		{method: "DELETE", pattern: repo + "/issues/comments/{comment_id}/reactions/{reaction_id}", access: needs(speak...), answer: deleteReaction},
		// Actions.
		{method: "GET", pattern: repo + "/actions/runs", access: publicOr(read("actions")), answer: listRuns},
		{method: "GET", pattern: repo + "/actions/runs/{run_id}", access: publicOr(read("actions")), answer: getRun},
		{method: "GET", pattern: repo + "/actions/runs/{run_id}/attempts/{attempt_number}", access: publicOr(read("actions")), answer: getAttempt},
		{method: "GET", pattern: repo + "/actions/runs/{run_id}/jobs", access: publicOr(read("actions")), answer: listJobs},
		{method: "GET", pattern: repo + "/actions/runs/{run_id}/attempts/{attempt_number}/jobs", access: publicOr(read("actions")), answer: listAttemptJobs},
		{method: "GET", pattern: repo + "/actions/jobs/{job_id}", access: publicOr(read("actions")), answer: getJob},
		{method: "GET", pattern: repo + "/actions/runs/{run_id}/artifacts", access: publicOr(read("actions")), answer: listArtifacts},
		{method: "GET", pattern: repo + "/actions/artifacts/{artifact_id}", access: publicOr(read("actions")), answer: getArtifact},
		{method: "GET", pattern: repo + "/actions/artifacts/{artifact_id}/{archive_format}", access: needs(read("actions")), answer: downloadArtifact},
		{method: "GET", pattern: repo + "/actions/workflows", access: publicOr(read("actions")), answer: listWorkflows},
		{method: "GET", pattern: repo + "/actions/workflows/{workflow_id}/runs", access: publicOr(read("actions")), answer: listWorkflowRuns},
		{method: "POST", pattern: repo + "/actions/workflows/{workflow_id}/dispatches", access: needs(write("actions")), answer: dispatchWorkflow},
		// Checks, statuses, deployments.
		{method: "POST", pattern: repo + "/check-runs", access: needs(write("checks")), answer: createCheckRun},
		{method: "GET", pattern: repo + "/check-runs/{check_run_id}", access: publicOr(read("checks")), answer: getCheckRun},
		{method: "PATCH", pattern: repo + "/check-runs/{check_run_id}", access: needs(write("checks")), answer: updateCheckRun},
		{method: "POST", pattern: repo + "/statuses/{sha}", access: needs(write("statuses")), answer: createStatus},
		{method: "GET", pattern: repo + "/deployments", access: publicOr(read("deployments")), answer: listDeployments},
		{method: "POST", pattern: repo + "/deployments", access: needs(write("deployments")), answer: createDeployment},
		{method: "GET", pattern: repo + "/deployments/{deployment_id}", access: publicOr(read("deployments")), answer: getDeployment},
		{method: "GET", pattern: repo + "/deployments/{deployment_id}/statuses", access: publicOr(read("deployments")), answer: listDeploymentStatuses},
		{method: "POST", pattern: repo + "/deployments/{deployment_id}/statuses", access: needs(write("deployments")), answer: createDeploymentStatus},
	}
	for _, route := range all {
		route.segments = segmentsOf(route.pattern)
	}
	return all
}

// find gives the route of a request and its parameters. The order of the table matters where "{ref...}" is involved.
func find(method string, segments []string) (*route, map[string]string) {
	for _, route := range routes {
		if route.method != method && (method != http.MethodHead || route.method != http.MethodGet) {
			continue
		}
		if parameters := match(route.segments, segments, nil); parameters != nil {
			return route, parameters
		}
	}
	return nil, nil
}

// match fits segments to a pattern and gives the parameters, nil when they do not fit.
func match(pattern, segments []string, parameters map[string]string) map[string]string {
	for position, part := range pattern {
		if name, rest := isRest(part); rest {
			return matchRest(name[1:], pattern[position+1:], segments[position:], parameters)
		}
		if position >= len(segments) {
			return nil
		}
		if !strings.HasPrefix(part, "{") {
			if part != segments[position] {
				return nil
			}
			continue
		}
		value, err := url.PathUnescape(segments[position])
		if err != nil || value == "" {
			return nil
		}
		if parameters == nil {
			parameters = map[string]string{}
		}
		parameters[strings.Trim(part, "{}")] = value
	}
	if len(segments) > len(pattern) {
		return nil
	}
	if parameters == nil {
		parameters = map[string]string{}
	}
	return parameters
}

// matchRest fits a parameter that may hold slashes, and what follows it.
func matchRest(name string, after, segments []string, parameters map[string]string) map[string]string {
	end := len(segments) - len(after)
	if end < 1 {
		return nil
	}
	value, err := url.PathUnescape(strings.Join(segments[:end], "/"))
	if err != nil {
		return nil
	}
	if parameters == nil {
		parameters = map[string]string{}
	}
	parameters[name] = value
	return match(after, segments[end:], parameters)
}
