package registry

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Labels asks for each image of an index and for each config, eight at once.
func (o *ociAdapter) Labels(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest) ([]promotion.ImageLabels, error) {
	return labelsOf(ctx, o, repository, manifest)
}

// TagRules knows nothing: the OCI distribution API has no such rules.
func (o *ociAdapter) TagRules(context.Context, promotion.RegistryRepository) (promotion.TagRules, error) {
	return promotion.TagRules{}, nil
}

// children asks for each manifest when it is wanted.
func (o *ociAdapter) children(_ context.Context, repository promotion.RegistryRepository, _ []promotion.Digest) (func(context.Context, promotion.Digest) ([]byte, error), error) {
	return func(ctx context.Context, digest promotion.Digest) ([]byte, error) {
		manifest, err := o.manifest(ctx, repository, digest)
		return manifest.Bytes, err
	}, nil
}

// blob gets a blob, from wherever the registry redirects to.
func (o *ociAdapter) blob(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*o.timeout)
	defer cancel()
	doing := fmt.Sprintf("read the config %s of %s", digest, repository)
	reference, err := name.NewDigest(repository.String()+"@"+digest.String(), name.StrictValidation)
	if err != nil {
		return nil, wrong(doing, "%s", err)
	}
	var body io.ReadCloser
	err = o.with(func(c *clients) error {
		layer, err := c.puller.Layer(ctx, reference)
		if err == nil {
			body, err = layer.Compressed()
		}
		return err
	})
	if err != nil {
		return nil, explain(doing, repository.Host(), err)
	}
	defer body.Close()
	content, err := readConfig(doing, body)
	// go-containerregistry hashes too, with an error that has no type: the hash below says it better.
	if err != nil && !strings.Contains(err.Error(), "error verifying") {
		return nil, err
	}
	return content, hashed(doing, digest, content)
}

// readConfig reads a config, and not without end.
func readConfig(doing string, body io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, maximumConfig+1))
	if len(content) > maximumConfig {
		return nil, wrong(doing, "it has more than %d bytes", maximumConfig)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	return content, err
}
