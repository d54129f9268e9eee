package githubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// descriptionFile is where fetch-description puts GitHub's OpenAPI description, below the repository's root.
const descriptionFile = ".cache/github-openapi-23.0.2.json"

// ErrNoDescription says that GitHub's OpenAPI description has not been fetched.
var ErrNoDescription = errors.New("GitHub's OpenAPI description is not there: run internal/githubtest/fetch-description")

// OpenAPI is GitHub's own OpenAPI description of its REST API and its webhooks.
type OpenAPI struct {
	document *openapi3.T
	router   routers.Router
}

// Description gives GitHub's description from the repository's root, which is where go.mod is, read once per process. The
// error is ErrNoDescription when it has not been fetched.
var Description = sync.OnceValues(func() (*OpenAPI, error) {
	folder, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the repository's root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return LoadDescription(filepath.Join(folder, descriptionFile))
		}
		if folder == filepath.Dir(folder) {
			return nil, fmt.Errorf("%w (no go.mod above the working directory)", ErrNoDescription)
		}
		folder = filepath.Dir(folder)
	}
})

// LoadDescription reads the description from a file. It is not validated (GitHub's is not quite valid), its servers are
// replaced by any, and its webhooks, an extension in OpenAPI 3.0, become paths so that their references are resolved.
func LoadDescription(path string) (*OpenAPI, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s)", ErrNoDescription, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read GitHub's OpenAPI description: %w", err)
	}
	if content, err = webhooksAsPaths(content); err != nil {
		return nil, fmt.Errorf("read GitHub's OpenAPI description %s: %w", path, err)
	}
	document, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		return nil, fmt.Errorf("load GitHub's OpenAPI description %s: %w", path, err)
	}
	mend(document)
	document.Servers = openapi3.Servers{{URL: "/"}}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		return nil, fmt.Errorf("route GitHub's OpenAPI description %s: %w", path, err)
	}
	return &OpenAPI{document: document, router: router}, nil
}

// mend repairs what is wrong in the description: an installation's account, in the list of installations, would have to be a
// user and an enterprise at once ("allOf"); elsewhere it is either ("anyOf").
func mend(document *openapi3.T) {
	list := document.Paths.Value("/app/installations").Get.Responses.Status(http.StatusOK).Value
	account := list.Content.Get("application/json").Schema.Value.Items.Value.Properties["account"].Value
	account.AnyOf, account.AllOf = account.AllOf, nil
}

const webhookPath = "/x-webhooks/"

func webhooksAsPaths(content []byte) ([]byte, error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	paths, webhooks := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(document["paths"], &paths); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(document["x-webhooks"], &webhooks); err != nil {
		return nil, err
	}
	for name, webhook := range webhooks {
		paths[webhookPath+name] = webhook
	}
	joined, err := json.Marshal(paths)
	if err != nil {
		return nil, err
	}
	document["paths"] = joined
	delete(document, "x-webhooks")
	return json.Marshal(document)
}

// Hold holds the stand-in's traffic against the description from now on: every answer that is not a fault's, the request
// that led to it unless it was refused (what GitHub would refuse must not be accepted here), and every webhook before it
// is sent. What does not fit goes to report, which may be called from several goroutines at once. A nil
// description ends it.
func (s *Server) Hold(description *OpenAPI, report func(error)) {
	s.look(func() { s.held, s.report = description, report })
}

// hold checks one exchange.
func (s *Server) hold(c *call, path string, said answer, content []byte) {
	var description *OpenAPI
	var report func(error)
	s.look(func() { description, report = s.held, s.report })
	if description == nil || c.route == nil || c.route.pattern == graphRoute {
		return
	}
	if err := description.exchange(c, path, said, content); err != nil {
		report(fmt.Errorf("%s %s, answered %d: %w", c.request.Method, path, said.status, err))
	}
}

// exchange validates a request and its answer.
func (d *OpenAPI) exchange(c *call, path string, said answer, content []byte) error {
	request, err := described(c)
	if err != nil {
		return err
	}
	route, parameters, err := d.router.FindRoute(request)
	if err != nil {
		return fmt.Errorf("GitHub's description has no such endpoint: %w", err)
	}
	if described := strings.ReplaceAll(c.route.pattern, "...}", "}"); route.Path != described {
		return fmt.Errorf("GitHub's description calls this %s, the stand-in %s", route.Path, described)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	ctx := context.Background() // nothing of it goes over a network
	if said.status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	if said.contentType != "" || len(content) == 0 {
		return d.statusOnly(route, said.status)
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: said.status, Header: http.Header{"Content-Type": {"application/json"}}, Options: input.Options,
	}
	if err := openapi3filter.ValidateResponse(ctx, response.SetBodyBytes(content)); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// statusOnly checks that an answer without JSON has a status that the endpoint is described with.
func (d *OpenAPI) statusOnly(route *routers.Route, status int) error {
	if status >= http.StatusBadRequest || route.Operation.Responses.Status(status) != nil {
		return nil
	}
	return fmt.Errorf("answer: %d is not described", status)
}

// described gives the request as the description knows it: parameters that hold slashes are one segment, "%2F" for each.
func described(c *call) (*http.Request, error) {
	segments := make([]string, 0, len(c.route.segments))
	for _, segment := range c.route.segments {
		if !strings.HasPrefix(segment, "{") {
			segments = append(segments, segment)
			continue
		}
		value := c.parameters[strings.TrimSuffix(strings.Trim(segment, "{}"), "...")]
		if value == "" { // the root folder, which the description's router takes for a missing parameter
			value = "/"
		}
		segments = append(segments, strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	target := "/" + strings.Join(segments, "/")
	if c.request.URL.RawQuery != "" {
		target += "?" + c.request.URL.RawQuery
	}
	body := c.body
	if string(bytes.TrimSpace(body)) == "null" {
		body = nil // ghinstallation sends this for "no narrowing", and GitHub takes it
	}
	request, err := http.NewRequestWithContext(context.Background(), c.request.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = maps.Clone(c.request.Header)
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// holdWebhook checks one delivery.
func (s *Server) holdWebhook(d *Delivery) {
	var description *OpenAPI
	var report func(error)
	s.look(func() { description, report = s.held, s.report })
	if description == nil {
		return
	}
	if err := description.Webhook(d.event, d.action, d.body); err != nil {
		report(err)
	}
}

// Webhook validates a webhook's payload.
func (d *OpenAPI) Webhook(event, action string, payload []byte) error {
	name := strings.ReplaceAll(event, "_", "-")
	if action != "" {
		name += "-" + strings.ReplaceAll(action, "_", "-")
	}
	path := d.document.Paths.Value(webhookPath + name)
	if path == nil {
		return fmt.Errorf("webhook %s: GitHub's description has no such webhook", name)
	}
	var value any
	if err := json.Unmarshal(payload, &value); err != nil {
		return fmt.Errorf("webhook %s: %w", name, err)
	}
	schema := path.Post.RequestBody.Value.Content.Get("application/json").Schema.Value
	if err := schema.VisitJSON(value, openapi3.VisitAsRequest()); err != nil {
		return fmt.Errorf("webhook %s: %w", name, err)
	}
	return nil
}
