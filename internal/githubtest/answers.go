package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is what an endpoint says. A body that is a []byte goes out as it is.
type answer struct {
	status      int
	body        any
	header      http.Header
	contentType string
}

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }
func noContent() answer       { return answer{status: http.StatusNoContent} }

const documentation = "https://docs.github.com/rest"

// refuse is an error as GitHub puts it.
func refuse(status int, message string) answer {
	return answer{status: status, body: object{
		"message": message, "documentation_url": documentation, "status": strconv.Itoa(status),
	}}
}

func notFound() answer { return refuse(http.StatusNotFound, "Not Found") }

// invalid is 422 Validation Failed for one field.
func invalid(resource, field, code, message string) answer {
	detail := object{"resource": resource, "code": code, "field": field}
	if message != "" {
		detail["message"] = message
	}
	return answer{status: http.StatusUnprocessableEntity, body: object{
		"message": "Validation Failed", "errors": []object{detail}, "documentation_url": documentation, "status": "422",
	}}
}

// invalidRequest is 422 as GitHub's schema check puts it, before anything else is looked at.
func invalidRequest(format string, arguments ...any) answer {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n"+fmt.Sprintf(format, arguments...))
}

// encode gives the bytes of the body: JSON without HTML escapes and without a newline at the end.
func encode(body any) []byte {
	switch body := body.(type) {
	case nil:
		return nil
	case []byte:
		return body
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		panic(fmt.Sprintf("githubtest: encode: %v", err)) // our own maps: cannot fail
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// call is one request on its way through an endpoint. Endpoints run under the server's lock.
type call struct {
	server     *Server
	request    *http.Request
	query      url.Values
	body       []byte
	route      *route
	parameters map[string]string
	identity   identity
	repository *Repository
}

// decode reads the body into a struct. When it cannot, the answer is the refusal.
func (c *call) decode(into any) (answer, bool) {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return answer{}, true
	}
	var syntax any
	if err := json.Unmarshal(c.body, &syntax); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON"), false
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return invalidRequest("%v", err), false
	}
	return answer{}, true
}

// number gives a path parameter as a number, 0 when it is none.
func (c *call) number(name string) int64 {
	number, err := strconv.ParseInt(c.parameters[name], 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// accepts reports whether the Accept header names the media type, with or without "+json" and the version "v3".
func (c *call) accepts(kind string) bool {
	accept := c.request.Header.Get("Accept")
	return strings.Contains(accept, "application/vnd.github."+kind) || strings.Contains(accept, "application/vnd.github.v3."+kind)
}

// window is a page of a list: per_page (default 30, at most 100) and page, as "Using pagination in the REST API" says.
func (c *call) window(total, standard int) (from, to int, header http.Header) {
	size, page := standard, 1
	if asked, err := strconv.Atoi(c.query.Get("per_page")); err == nil && asked > 0 {
		size = min(asked, 100)
	}
	if asked, err := strconv.Atoi(c.query.Get("page")); err == nil && asked > 0 {
		page = asked
	}
	from = min((page-1)*size, total)
	to = min(from+size, total)
	return from, to, c.links(page, (total+size-1)/size)
}

// links gives the Link header.
func (c *call) links(page, last int) http.Header {
	header := http.Header{}
	var links []string
	add := func(number int, relation string) {
		query := url.Values{}
		for key, values := range c.query {
			query[key] = values
		}
		query.Set("page", strconv.Itoa(number))
		links = append(links, fmt.Sprintf("<%s%s?%s>; rel=%q", c.server.base, c.request.URL.EscapedPath(), query.Encode(), relation))
	}
	if page > 1 {
		add(page-1, "prev")
	}
	if page < last {
		add(page+1, "next")
		add(last, "last")
	}
	if page > 1 {
		add(1, "first")
	}
	if len(links) > 0 {
		header.Set("Link", strings.Join(links, ", "))
	}
	return header
}

// list answers a page of documents.
func list[T any](c *call, items []T, document func(T) object) answer {
	from, to, header := c.window(len(items), 30)
	return answer{status: http.StatusOK, body: documents(items[from:to], document), header: header}
}

// wrapped answers a page of documents inside of an object that has the total.
func wrapped[T any](c *call, key string, items []T, document func(T) object) answer {
	from, to, header := c.window(len(items), 30)
	body := object{"total_count": len(items), key: documents(items[from:to], document)}
	return answer{status: http.StatusOK, body: body, header: header}
}

func documents[T any](items []T, document func(T) object) []object {
	all := make([]object, 0, len(items))
	for _, item := range items {
		all = append(all, document(item))
	}
	return all
}
