package registrytest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Remote pushes to a registry that somebody else runs on loopback.
type Remote struct {
	pusher
	host string
}

// At gives a Remote for host:port.
func At(host string) *Remote {
	r := &Remote{host: host}
	r.pusher = pusher{r.sendOutside}
	return r
}

// Ping returns an error unless the registry answers.
func (r *Remote) Ping() error {
	response, err := http.Get("http://" + r.host + "/v2/")
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// sendOutside makes a request. A blob goes in two: begin the upload, then put it where the registry says (OCI
// distribution specification, section "Pushing a blob monolithically").
func (r *Remote) sendOutside(method, path, contentType string, content []byte) error {
	address := "http://" + r.host + path
	if digest, isBlob := strings.CutPrefix(path[strings.LastIndex(path, "?")+1:], "digest="); isBlob {
		response, err := http.Post(strings.TrimSuffix(address, "?digest="+digest), "", nil)
		if err != nil {
			return err
		}
		if err := response.Body.Close(); err != nil {
			return err
		}
		location, err := url.Parse(response.Header.Get("Location"))
		if err != nil {
			return err
		}
		query := location.Query()
		query.Set("digest", digest)
		location.RawQuery = query.Encode()
		method, address = http.MethodPut, response.Request.URL.ResolveReference(location).String()
	}
	request, err := http.NewRequest(method, address, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // only for the message
		return fmt.Errorf("%s %s: the registry answered %d: %s", method, path, response.StatusCode, text)
	}
	return nil
}
