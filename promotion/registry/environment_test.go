package registry_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/ecrtest"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// The SDK's own chain and variables are respected: credentials and AWS_ENDPOINT_URL_ECR from the environment.
func TestTheSDKsVariablesAreRespected(t *testing.T) {
	_, server := elasticContainerRegistry(t)
	digest, err := server.PushIndex("shop/api", "one", "one")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_ECR": server.URL(), "AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	named, err := registry.New(registry.Options{}).Resolve(t.Context(), parse(t, ecrtest.Host+"/shop/api"), "one")
	if err != nil || named.Digest.String() != digest || named.Pushed.IsZero() {
		t.Errorf("got %+v %v", named, err)
	}
}
