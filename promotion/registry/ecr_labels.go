package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Labels asks BatchGetImage once for all images of an index, and for each config GetDownloadUrlForLayer and what it
// points to, eight at once.
func (e *ecrAdapter) Labels(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest) ([]promotion.ImageLabels, error) {
	return labelsOf(ctx, e, repository, manifest)
}

// children asks for all manifests at once. By digest, ECR translates nothing.
func (e *ecrAdapter) children(ctx context.Context, repository promotion.RegistryRepository, digests []promotion.Digest) (func(context.Context, promotion.Digest) ([]byte, error), error) {
	doing := fmt.Sprintf("read the images of an index of %s", repository)
	output, err := e.batchGet(ctx, doing, repository, digests, nil)
	if err != nil {
		return nil, err
	}
	manifests := map[promotion.Digest]promotion.Inspection{}
	for _, digest := range digests {
		inspection := promotion.Inspection{}
		if err := readImages(doing, output.Images, digest, nil, &inspection); err != nil {
			return nil, err
		}
		manifests[digest] = inspection
	}
	return func(_ context.Context, digest promotion.Digest) ([]byte, error) {
		if manifests[digest].Manifest.Digest != digest {
			return nil, fmt.Errorf("read %s of %s: %w", digest, repository, promotion.ErrNotFound)
		}
		return manifests[digest].Manifest.Bytes, nil
	}, nil
}

// blob asks for an address and gets what is there. The address lets whoever has it read the blob: it is in no error.
func (e *ecrAdapter) blob(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest) ([]byte, error) {
	doing := fmt.Sprintf("read the config %s of %s", digest, repository)
	var output *ecr.GetDownloadUrlForLayerOutput
	err := e.call(ctx, repository, "GetDownloadUrlForLayer", func(ctx context.Context, client *ecr.Client, host ecrHost) (err error) {
		output, err = client.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{
			RegistryId: aws.String(host.account), RepositoryName: aws.String(repository.Path()), LayerDigest: aws.String(digest.String()),
		})
		return err
	})
	if err != nil {
		return nil, explainECR(doing, "ecr:GetDownloadUrlForLayer", repository, err)
	}
	address, err := url.Parse(aws.ToString(output.DownloadUrl))
	if err != nil || address.Host == "" || address.User != nil || address.Scheme != "https" && !(address.Scheme == "http" && isLoopback(address.Hostname())) {
		return nil, wrong(doing, "expected ECR to give an https address to download from, found something else")
	}
	content, err := e.download(ctx, doing, repository, address)
	if err != nil {
		return nil, err
	}
	return content, hashed(doing, digest, content)
}

// download gets what a presigned address gives: one request without credentials, which follows no redirect.
func (e *ecrAdapter) download(ctx context.Context, doing string, repository promotion.RegistryRepository, address *url.URL) ([]byte, error) {
	client := http.Client{
		Transport: &guard{next: e.options.Transport, timeout: e.options.Timeout, now: e.options.Now, observe: func(_, _, outcome string, took time.Duration) {
			if e.options.Observe != nil {
				e.options.Observe(repository.Host(), "GET layer", outcome, took)
			}
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "", nil)
	if err != nil {
		return nil, err
	}
	request.URL, request.Host = address, address.Host
	request.Header.Set("Accept-Encoding", "identity") // the bytes as they are, for their hash
	response, err := client.Do(request)
	if err != nil {
		return nil, explain(doing, repository.Host(), withoutAddress(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, response.Body) // bounded; what the storage says repeats the address
		refused := errors.New("the storage of ECR answered " + strconv.Itoa(response.StatusCode))
		if response.StatusCode >= 500 || response.StatusCode == http.StatusRequestTimeout {
			return nil, fmt.Errorf("%s: %w", doing, refused)
		}
		return nil, wrong(doing, "%s; expected that it can be read from here: look at the policy of the VPC's endpoint for S3, and at the clock", refused)
	}
	return readConfig(doing, response.Body)
}

// withoutAddress gives the error of a request without the request's address.
func withoutAddress(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
