package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Greet makes the cheapest call to a registry that shows whether it takes our credentials. It returns a
// *promotion.PausedError when it does not, and another error when that could not be told.
func (r *Registry) Greet(ctx context.Context, host string) error {
	if _, isECR := parseECRHost(host); isECR {
		return r.ecr.greet(ctx, host)
	}
	return r.oci.greet(ctx, host)
}

// greet asks for a token. Not being allowed to is no fault: nothing else that we do needs it, and the credentials were taken.
func (e *ecrAdapter) greet(ctx context.Context, host string) error {
	repository, err := promotion.ParseRegistryRepository(host + "/any")
	if err != nil {
		return err
	}
	err = e.call(ctx, repository, "GetAuthorizationToken", func(ctx context.Context, client *ecr.Client, _ ecrHost) error {
		_, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
		return err
	})
	if exception := smithy.APIError(nil); errors.As(err, &exception) && (exception.ErrorCode() == "AccessDeniedException" || exception.ErrorCode() == "UnknownOperationException") {
		return nil
	}
	if err != nil {
		return explainECR("greet "+host, "ecr:GetAuthorizationToken", repository, err)
	}
	return nil
}

// greet asks for /v2/, which answers 401 or 403 to credentials that are wrong.
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support)
func (o *ociAdapter) greet(ctx context.Context, host string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*o.timeout)
	defer cancel()
	doing := "greet " + host
	registry, err := name.NewRegistry(host, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	credentials, err := authn.Resolve(ctx, o.keychain, registry)
	if err != nil {
		return refusedCredentials(host, "credentials in the Docker keychain (DOCKER_CONFIG) that can be read", fmt.Errorf("%s: %w", doing, err))
	}
	authenticated, err := transport.NewWithContext(ctx, registry, credentials, o.guard, nil)
	if err != nil {
		return explain(doing, host, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, registry.Scheme()+"://"+registry.RegistryStr()+"/v2/", http.NoBody)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	response, err := authenticated.RoundTrip(request)
	if err != nil {
		return explain(doing, host, err)
	}
	defer func() { _ = response.Body.Close() }() // only its status counts
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maximumAnswer))
	if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusOK {
		return nil
	}
	return explain(doing, host, transport.CheckError(response, http.StatusOK))
}
