package githubtest

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func getApp(c *call) answer {
	document := c.server.app.document()
	document["installations_count"] = len(c.server.installations)
	return ok(document)
}

func (s *Server) sortedInstallations() []*Installation {
	return slices.SortedFunc(maps.Values(s.installations), func(a, b *Installation) int { return int(a.id - b.id) })
}

func listInstallations(c *call) answer {
	return list(c, c.server.sortedInstallations(), (*Installation).document)
}

func getInstallation(c *call) answer {
	installation := c.server.installations[c.number("installation_id")]
	if installation == nil {
		return notFound()
	}
	return ok(installation.document())
}

func getRepositoryInstallation(c *call) answer {
	installation := c.repository.installation()
	if installation == nil {
		return notFound()
	}
	return ok(installation.document())
}

func getAccountInstallation(c *call) answer {
	account := c.server.accounts[strings.ToLower(c.parameters["org"]+c.parameters["username"])]
	if account == nil || account.installation == nil {
		return notFound()
	}
	return ok(account.installation.document())
}

func listInstallationRepositories(c *call) answer {
	if c.identity.token == nil {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	var reached []*Repository
	for _, repository := range c.identity.token.installation.sorted() {
		if c.identity.token.reaches(repository) {
			reached = append(reached, repository)
		}
	}
	from, to, header := c.window(len(reached), 30)
	return answer{status: http.StatusOK, header: header, body: object{
		"total_count": len(reached), "repository_selection": c.identity.token.installation.selection(),
		"repositories": documents(reached[from:to], (*Repository).fullDocument),
	}}
}

// createToken makes an installation token: one hour, narrowed to repositories and permissions if asked.
func createToken(c *call) answer {
	installation := c.server.installations[c.number("installation_id")]
	if installation == nil {
		return notFound()
	}
	if !installation.suspended.IsZero() {
		return refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var wanted struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	permissions := maps.Clone(installation.permissions)
	if len(wanted.Permissions) > 0 {
		permissions = map[string]string{"metadata": "read"}
		for name, level := range wanted.Permissions {
			if !covers(installation.permissions[name], level) {
				return refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			}
			permissions[name] = level
		}
	}
	narrowed, found := installation.narrow(wanted.Repositories, wanted.RepositoryIDs)
	if !found {
		return refuse(http.StatusUnprocessableEntity,
			"There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	token := c.server.issue(installation, permissions, narrowed)
	body := object{
		"token": token.text, "expires_at": stamp(token.expires), "permissions": permissions,
		"repository_selection": installation.selection(),
	}
	if narrowed != nil {
		body["repository_selection"] = "selected"
		var reached []object
		for _, repository := range installation.sorted() {
			if narrowed[repository.id] {
				reached = append(reached, repository.document())
			}
		}
		body["repositories"] = reached
	}
	return created(body)
}

// narrow gives the ids of the repositories that are named, nil for none named.
func (i *Installation) narrow(names []string, ids []int64) (map[int64]bool, bool) {
	if len(names) == 0 && len(ids) == 0 {
		return nil, true
	}
	narrowed := map[int64]bool{}
	for _, id := range ids {
		if i.repositories[id] == nil {
			return nil, false
		}
		narrowed[id] = true
	}
	for _, name := range names {
		found := false
		for _, repository := range i.repositories {
			if strings.EqualFold(repository.name, name) {
				narrowed[repository.id], found = true, true
			}
		}
		if !found {
			return nil, false
		}
	}
	return narrowed, true
}

func getRateLimit(c *call) answer {
	window, limit := c.server.limitOf(c.identity)
	core := object{"limit": limit, "used": window.used, "remaining": limit - window.used, "reset": window.reset.Unix()}
	return ok(object{"resources": object{"core": core, "search": core}, "rate": core})
}

// ManifestConversion is what the manifest flow ends with.
type ManifestConversion struct {
	Name          string
	Slug          string
	ID            int64
	WebhookSecret string
	ClientID      string
	ClientSecret  string
	expires       time.Time
}

// OfferManifest makes a code that POST /app-manifests/{code}/conversions turns into an app once, within an hour, as
// "Registering a GitHub App from a manifest" has it. The app is this stand-in's: same id, key and webhook secret.
func (s *Server) OfferManifest(name string) string {
	var code string
	s.look(func() {
		code = sha256Hex(fmt.Appendf(nil, "%s %s %d", s.base, name, next(&s.sequence.token)))[:40]
		s.conversions[code] = &ManifestConversion{
			Name: name, Slug: strings.ReplaceAll(strings.ToLower(name), " ", "-"), ID: s.app.id,
			WebhookSecret: s.options.WebhookSecret, ClientID: "Iv23lidemodemodemode",
			ClientSecret: sha256Hex([]byte(code))[:40], expires: s.options.AuthenticationClock().Add(time.Hour),
		}
	})
	return code
}

func convertManifest(c *call) answer {
	code := c.parameters["code"]
	conversion := c.server.conversions[code]
	if conversion == nil || !c.server.options.AuthenticationClock().Before(conversion.expires) {
		return notFound()
	}
	delete(c.server.conversions, code) // works once
	document := c.server.app.document()
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(c.server.key)})
	maps.Copy(document, object{
		"id": conversion.ID, "name": conversion.Name, "slug": conversion.Slug, "client_id": conversion.ClientID,
		"client_secret": conversion.ClientSecret, "webhook_secret": conversion.WebhookSecret, "pem": string(key),
		"html_url": c.server.web + "/apps/" + conversion.Slug,
	})
	return created(document)
}

// deliveryLife is how long deliveries are kept on github.com.
const deliveryLife = 3 * 24 * time.Hour

// listDeliveries lists deliveries, newest first, by cursor.
func listDeliveries(c *call) answer {
	size := 30
	if asked, err := strconv.Atoi(c.query.Get("per_page")); err == nil && asked > 0 {
		size = min(asked, 100)
	}
	after := int64(0)
	if cursor := c.query.Get("cursor"); cursor != "" {
		number, err := strconv.ParseInt(strings.TrimPrefix(cursor, "v1_"), 10, 64)
		if err != nil {
			return refuse(http.StatusBadRequest, "Invalid cursor")
		}
		after = number
	}
	status := c.query.Get("status")
	page, header, last := []object{}, http.Header{}, int64(0)
	// By number, as the cursor goes: one that took long is noted after some that were sent later.
	newestFirst := slices.SortedFunc(slices.Values(c.server.deliveries), func(a, b *Delivery) int { return cmp.Compare(b.id, a.id) })
	for _, delivery := range newestFirst {
		if c.server.now().Sub(delivery.delivered) > deliveryLife || after != 0 && delivery.id >= after ||
			status == "success" && !delivery.succeeded() || status == "failure" && delivery.succeeded() {
			continue
		}
		if len(page) == size {
			header.Set("Link", fmt.Sprintf(`<%s/app/hook/deliveries?cursor=v1_%d&per_page=%d>; rel="next"`, c.server.base, last, size))
			break
		}
		page, last = append(page, delivery.item()), delivery.id
	}
	return answer{status: http.StatusOK, body: page, header: header}
}

func (s *Server) deliveryByID(id int64) *Delivery {
	for _, delivery := range s.deliveries {
		if delivery.id == id && s.now().Sub(delivery.delivered) <= deliveryLife {
			return delivery
		}
	}
	return nil
}

func getDelivery(c *call) answer {
	delivery := c.server.deliveryByID(c.number("delivery_id"))
	if delivery == nil {
		return notFound()
	}
	return ok(delivery.document())
}

// redeliver asks for a delivery again: same GUID and body, signed anew, after the answer.
func redeliver(c *call) answer {
	delivery := c.server.deliveryByID(c.number("delivery_id"))
	if delivery == nil {
		return notFound()
	}
	c.server.outbox = append(c.server.outbox, delivery.again())
	return answer{status: http.StatusAccepted, body: object{}}
}
