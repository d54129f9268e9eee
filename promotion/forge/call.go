package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// maximumRepeats is how often a read that failed on GitHub's side is made again.
const maximumRepeats = 2

// request is one call to GitHub.
type request struct {
	operation  string // what is being done, for errors: "read run 42 of acme/shop"
	method     string
	address    address
	query      url.Values
	body       any
	permission string  // the app permission that the call needs, for errors: "actions: read"
	exact      bool    // what has moved to another name is not there
	cursor     *string // not nil: takes where the next page begins, "" after the last
	after      *string // the same, where GitHub calls it so
	validator  *validator
}

// validator makes a read conditional: GitHub answers 304, which counts towards no primary limit, when what it names has not
// changed. The tags change with the installation's token.
// (https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate)
type validator struct {
	tag       string // of the answer that is known, "" for none; then of the new one
	unchanged bool   // there is no new one
}

// address is a path below the API's root.
type address struct {
	route string // the path with placeholders: few different ones, for metrics
	path  string // filled in and escaped
	err   error
}

// at fills a route's {placeholders} with values, in order, each escaped so that it stays one segment (a {ref} or {path} keeps its slashes). A value that could
// lead elsewhere (empty, a dot segment, control characters) makes the address an error.
func at(route string, values ...string) address {
	var path strings.Builder
	rest := route
	for _, value := range values {
		before, after, found := strings.Cut(rest, "{")
		name, after, closed := strings.Cut(after, "}")
		if !found || !closed {
			return address{err: fmt.Errorf("route %s: more values than placeholders", route)}
		}
		if err := checkSegment(value); err != nil {
			return address{err: err}
		}
		escaped := url.PathEscape(value)
		if name == "ref" || name == "path" {
			escaped = strings.ReplaceAll(escaped, "%2F", "/") // these go on to the end, as go-github writes them too
		}
		path.WriteString(before + escaped)
		rest = after
	}
	if strings.Contains(rest, "{") {
		return address{err: fmt.Errorf("route %s: fewer values than placeholders", route)}
	}
	path.WriteString(rest)
	return address{route: route, path: path.String()}
}

// inRepository gives an address below the repository.
func inRepository(repository promotion.Repository, route string, values ...string) address {
	return at("repos/{owner}/{repo}"+route, append([]string{repository.Owner, repository.Name}, values...)...)
}

// checkSegment refuses names with which a path could be made to point at another resource.
func checkSegment(value string) error {
	for part := range strings.SplitSeq(value, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("name %.100q cannot be part of an address", value)
		}
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Errorf("name %.100q cannot be part of an address", value)
	}
	return nil
}

// number writes an id as a path segment.
func number(id int64) string { return strconv.FormatInt(id, 10) }

// ask makes a call as the repository's installation and decodes what GitHub answers.
func (f *Forge) ask(ctx context.Context, repository promotion.Repository, r request, answer any) error {
	who, err := f.installed(ctx, repository)
	if err != nil {
		return err
	}
	_, err = f.call(ctx, who, r, answer)
	return err
}

// call makes a call and decodes the answer (nil: none is expected). It gives the number of the next page, 0 when there
// is none. Reads are repeated when GitHub fails. A token that GitHub no longer takes is renewed once.
func (f *Forge) call(ctx context.Context, who identity, r request, answer any) (int, error) {
	renewed := false
	repeats := 0
	for {
		client, err := f.client(who)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", r.operation, err)
		}
		next, failure := f.attempt(ctx, who, client, r, answer)
		switch {
		case failure == nil:
			return next, nil
		case failure.credentials && who != theApp && !renewed:
			renewed = true
			f.forget(who, client)
		case failure.transient && r.method == http.MethodGet && repeats < maximumRepeats:
			repeats++
			if f.sleep(ctx, backoff(repeats)) != nil {
				return 0, failure.told()
			}
		default:
			if failure.uninstalled {
				f.forgetInstallation(who)
			}
			return 0, failure.told()
		}
	}
}

// attempt makes a call once.
func (f *Forge) attempt(ctx context.Context, who identity, client *github.Client, r request, answer any) (int, *failure) {
	if r.address.err != nil {
		return 0, &failure{err: &promotion.PermanentError{Err: fmt.Errorf("%s: %w", r.operation, r.address.err)}}
	}
	location := r.address.path
	if len(r.query) > 0 {
		location += "?" + r.query.Encode()
	}
	message, err := client.NewRequest(r.method, location, r.body)
	if err != nil {
		return 0, &failure{err: &promotion.PermanentError{Err: fmt.Errorf("%s: %w", r.operation, err)}}
	}
	if r.validator != nil && r.validator.tag != "" {
		message.Header.Set("If-None-Match", r.validator.tag)
	}
	redirect, _ := ctx.Value(redirectKey{}).(*url.URL)
	limited, cancel := context.WithTimeout(withPassage(ctx, passage{who: who, route: r.address.route, exact: r.exact, redirect: redirect}), f.timeout)
	defer cancel()
	response, err := client.BareDo(limited, message)
	if response != nil && response.Response != nil {
		f.hear(response.Header)
	}
	if accepted := (*github.AcceptedError)(nil); errors.As(err, &accepted) && r.method != http.MethodGet {
		return 0, nil // GitHub does later what was asked for, and says no more
	}
	if r.validator != nil && response != nil && response.StatusCode == http.StatusNotModified {
		r.validator.unchanged = true
		return 0, nil
	}
	if err == nil {
		err = decode(response.Response, answer)
	}
	if err != nil {
		return 0, f.judge(ctx, r, response, err)
	}
	if r.validator != nil {
		r.validator.tag = response.Header.Get("ETag")
	}
	if r.cursor != nil {
		*r.cursor = response.Cursor
	}
	if r.after != nil {
		*r.after = response.After
	}
	return response.NextPage, nil
}

// unreadableError says that GitHub's answer was not what was asked for.
type unreadableError struct{ problem string }

func (e *unreadableError) Error() string { return e.problem }

// decode reads a whole answer and closes it. go-github's own decoding takes an empty answer for a zero value.
func decode(response *http.Response, answer any) error {
	defer func() { _ = response.Body.Close() }()
	if answer == nil {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) { // would be taken for an empty listing
		return &unreadableError{problem: "GitHub's answer has no usable content"}
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return &unreadableError{problem: describeUnreadable(response, err)}
	}
	return nil
}

func describeUnreadable(response *http.Response, err error) string {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind == "text/html" {
		return "GitHub answered with a web page instead of JSON: is GITHUB_V3_API_URL the address of its API?"
	}
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return fmt.Sprintf("GitHub's answer has a %s in %q", typed.Value, typed.Field)
	}
	return "GitHub's answer is not complete JSON"
}

// lacking says that an answer does not have what it must have.
func lacking(operation, what string) error {
	return fmt.Errorf("%s: GitHub's answer has no usable %s", operation, what)
}

// eachPage reads a listing page by page, at most limit of them; a longer listing is an error, because part of it would
// not be known.
func eachPage[Page any](ctx context.Context, f *Forge, repository promotion.Repository, r request, limit int, visit func(Page) error) error {
	who, err := f.installed(ctx, repository)
	if err != nil {
		return err
	}
	for page := 1; ; {
		var answer Page
		next, err := f.call(ctx, who, r, &answer)
		if err != nil {
			return err
		}
		if err := visit(answer); err != nil {
			return err
		}
		if next == 0 {
			return nil
		}
		if next != page+1 || next > limit {
			return &promotion.PermanentError{Err: fmt.Errorf("%s: more than %d pages", r.operation, limit)}
		}
		page = next
		r.query.Set("page", strconv.Itoa(page))
	}
}
