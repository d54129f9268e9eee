package registry_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// A registry whose password is rotated, with the Docker keychain, is read and written on with the new one: nobody has to
// start the server again. As long as the keychain has the old one, the work pauses.
func TestARotatedPasswordIsReadAnew(t *testing.T) { // not parallel: it sets DOCKER_CONFIG
	server, err := registrytest.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	digest, err := server.PushIndex("shop/api", "one", "one")
	if err != nil {
		t.Fatal(err)
	}
	var password atomic.Value
	server.Inject(func(w http.ResponseWriter, r *http.Request) bool {
		if _, given, _ := r.BasicAuth(); given == password.Load() {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return true
	})
	folder := t.TempDir()
	t.Setenv("DOCKER_CONFIG", folder)
	login := func(password string) {
		t.Helper()
		auth := base64.StdEncoding.EncodeToString([]byte("verbatim:" + password))
		content := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, server.Host(), auth)
		if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	adapter := registry.New(registry.Options{})
	repository := parse(t, server.Host()+"/shop/api")
	parsed, err := promotion.ParseDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	all := func() error {
		inspection, err := adapter.Inspect(t.Context(), repository, parsed, []string{"one"})
		if err != nil {
			return err
		}
		if err := adapter.SetTag(t.Context(), repository, inspection.Manifest, "production"); err != nil {
			return err
		}
		if _, err := adapter.Labels(t.Context(), repository, inspection.Manifest); err != nil {
			return err
		}
		return adapter.Greet(t.Context(), server.Host())
	}
	for _, secret := range []string{"first", "second", "third"} {
		password.Store(secret)
		if secret != "first" {
			_, isPaused := promotion.Paused(all())
			_, greeted := promotion.Paused(adapter.Greet(t.Context(), server.Host()))
			if !isPaused || !greeted {
				t.Errorf("with the password before %s: paused %t, and the greeting %t, expected both", secret, isPaused, greeted)
			}
		}
		login(secret)
		if err := all(); err != nil {
			t.Errorf("with the %s password: %v", secret, err)
		}
	}
}

// A rotation in the middle of the day costs one request that is refused, and no error.
func TestARotationCostsNoError(t *testing.T) {
	server, err := registrytest.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	if _, err := server.PushIndex("shop/api", "one", "one"); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	t.Setenv("DOCKER_CONFIG", folder)
	adapter := registry.New(registry.Options{})
	for _, secret := range []string{"first", "second"} {
		server.Inject(func(w http.ResponseWriter, r *http.Request) bool {
			_, given, _ := r.BasicAuth()
			if given != secret {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
				w.WriteHeader(http.StatusUnauthorized)
			}
			return given != secret
		})
		auth := base64.StdEncoding.EncodeToString([]byte("verbatim:" + secret))
		if err := os.WriteFile(filepath.Join(folder, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, server.Host(), auth), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := adapter.Resolve(t.Context(), parse(t, server.Host()+"/shop/api"), "one"); err != nil {
			t.Errorf("with the %s password: %v", secret, err)
		}
	}
}
