package budget_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/budget"
)

// refuses answers everything with 403 and one body.
type refuses string

func (r refuses) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Body: io.NopCloser(strings.NewReader(string(r))), Header: http.Header{"X-Ratelimit-Remaining": {"4000"}}}, nil
}

// GitHub does not always send Retry-After with a secondary limit: then only the answer's text tells it from a lack of permission.
func TestASecondaryLimitIsToldByItsText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want time.Duration
	}{
		"secondary limit": {`{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, time.Minute},
		"by its address":  {`{"message":"Slow down.","documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, time.Minute},
		"its older name":  {`{"message":"You have triggered an abuse detection mechanism."}`, time.Minute},
		"not allowed":     {`{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest/checks/runs#create-a-check-run"}`, 0},
		"no JSON":         {`<html>rate limit</html>`, 0},
		"a large answer":  {`{"message":"` + strings.Repeat("x", 200<<10) + `"}`, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				through := budget.New(budget.Options{}).Transport(refuses(test.body), nil)
				ask := func() (*http.Response, error) {
					request, err := http.NewRequestWithContext(of(t, 1, true), http.MethodGet, "https://"+host+"/", http.NoBody)
					if err != nil {
						t.Fatal(err)
					}
					return through.RoundTrip(request)
				}
				response, err := ask()
				if err != nil {
					t.Fatal(err)
				}
				read, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(read) != test.body {
					t.Errorf("%d bytes of the answer were left, and %v; want all %d", len(read), err, len(test.body))
				}
				if response, err = ask(); err == nil {
					response.Body.Close()
				}
				if test.want == 0 && err != nil {
					t.Errorf("refused: %v", err)
				} else if test.want > 0 && after(t, err) != test.want {
					t.Errorf("refused: %v, want for %s", err, test.want)
				}
			})
		})
	}
}
