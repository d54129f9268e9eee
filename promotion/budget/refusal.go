package budget

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maximumRefusal is how much of an answer that says no is looked at.
const maximumRefusal = 64 << 10

// saysTooFast reports whether a 403 is GitHub's secondary limit by its text: it does not always send Retry-After with it,
// and then nothing else tells it from a lack of permission. The answer can still be read from its beginning.
// (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit)
func saysTooFast(response *http.Response) bool {
	begin, err := io.ReadAll(io.LimitReader(response.Body, maximumRefusal))
	response.Body = &rewound{Reader: io.MultiReader(bytes.NewReader(begin), response.Body), Closer: response.Body}
	var document struct {
		Message string `json:"message"`
		Address string `json:"documentation_url"`
	}
	if err != nil || json.Unmarshal(begin, &document) != nil {
		return false
	}
	message := strings.ToLower(document.Message)
	return strings.Contains(message, "rate limit") || strings.Contains(message, "abuse detection") ||
		strings.HasSuffix(document.Address, "secondary-rate-limits") || strings.HasSuffix(document.Address, "#abuse-rate-limits")
}

// rewound is a body of which a part was read already.
type rewound struct {
	io.Reader
	io.Closer
}
