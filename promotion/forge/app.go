package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/verbatim-dev/verbatim/promotion"
)

// App is what GitHub says of our own app.
type App struct {
	ID          int64
	Slug        string // its bot's login is the slug and "[bot]"
	Name        string
	Owner       string
	URL         string
	Permissions map[string]string // "checks": "write"
	Events      []string
}

type appAnswer struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	Owner       *personAnswer     `json:"owner"`
	URL         string            `json:"html_url"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// App asks GitHub who we are, which shows that the key and the id are right and that GitHub can be reached. One call.
// (https://docs.github.com/rest/apps/apps#get-the-authenticated-app)
func (f *Forge) App(ctx context.Context) (App, error) {
	const operation = "read our own app"
	var answer appAnswer
	_, err := f.call(ctx, theApp, request{operation: operation, method: http.MethodGet, address: at("app")}, &answer)
	if statusOf(err) == http.StatusNotFound || errors.Is(err, errNotGitHub) {
		return App{}, &promotion.PausedError{
			Fault: promotion.FaultGitHubCredentials, Mend: mendCredentials + "; and GITHUB_V3_API_URL", Err: fmt.Errorf("%w: it knows no such app", err),
		}
	}
	if err != nil {
		return App{}, err
	}
	if answer.ID <= 0 {
		return App{}, lacking(operation, "id")
	}
	app := App{
		ID: answer.ID, Slug: answer.Slug, Name: answer.Name, Owner: answer.Owner.person().Login, URL: answer.URL,
		Permissions: answer.Permissions, Events: answer.Events,
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.app = app
	return app, nil
}

// AppID gives our app's id: no call when it is known, else one.
func (f *Forge) AppID(ctx context.Context) (int64, error) {
	f.mutex.Lock()
	known := f.app.ID
	f.mutex.Unlock()
	if known != 0 {
		return known, nil
	}
	app, err := f.App(ctx)
	return app.ID, err
}

var errNotInstalled = errors.New("the app is not installed there")

// lookUpInstallation asks through which installation the app may act on the repository. One call.
// (https://docs.github.com/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app)
func (f *Forge) lookUpInstallation(ctx context.Context, repository promotion.Repository) (int64, error) {
	operation := "find the installation of " + repository.FullName()
	var answer struct {
		ID int64 `json:"id"`
	}
	_, err := f.call(ctx, theApp, request{
		operation: operation, method: http.MethodGet, address: inRepository(repository, "/installation"),
	}, &answer)
	if statusOf(err) == http.StatusNotFound { // not ErrNotFound: it says nothing about what the caller asks for
		return 0, &promotion.PermanentError{Err: fmt.Errorf("%s: %w", operation, errNotInstalled)}
	}
	if err != nil {
		return 0, err
	}
	if answer.ID <= 0 {
		return 0, lacking(operation, "id")
	}
	return answer.ID, nil
}
