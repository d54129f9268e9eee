package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/verbatim-dev/verbatim/promotion"
)

// ecrAdapter speaks Amazon ECR's own API: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html.
type ecrAdapter struct {
	options Options

	mutex    sync.Mutex
	clients  map[string]*ecr.Client // by host
	tagRules map[promotion.RegistryRepository]keptTagRules
}

func newECR(options Options) *ecrAdapter {
	if options.AWS == nil {
		options.AWS = func(ctx context.Context) (aws.Config, error) { return awsconfig.LoadDefaultConfig(ctx) }
	}
	return &ecrAdapter{options: options, clients: map[string]*ecr.Client{}, tagRules: map[promotion.RegistryRepository]keptTagRules{}}
}

// client gives the host's client: its region comes from the host, its credentials from the SDK's chain or the role
// that the settings name for the host. AWS_ENDPOINT_URL_ECR is the SDK's own business.
func (e *ecrAdapter) client(ctx context.Context, host string) (*ecr.Client, ecrHost, error) {
	parsed, _ := parseECRHost(host)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if client, found := e.clients[host]; found {
		return client, parsed, nil
	}
	// The configuration may ask the network for credentials later, long after this request.
	configuration, err := e.options.AWS(context.WithoutCancel(ctx))
	if err != nil {
		return nil, parsed, fmt.Errorf("read the AWS configuration: %w", err)
	}
	configuration.Region = parsed.region
	if role, found := e.options.Roles[host]; found {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(configuration), role.ARN, func(options *stscreds.AssumeRoleOptions) {
			options.RoleSessionName = "verbatim"
			if role.ExternalID != "" {
				options.ExternalID = aws.String(role.ExternalID)
			}
		})
		configuration.Credentials = aws.NewCredentialsCache(provider)
	}
	client := ecr.NewFromConfig(configuration, func(options *ecr.Options) {
		options.AppID = e.options.UserAgent
		options.APIOptions = append(options.APIOptions, e.pace(parsed))
	})
	e.clients[host] = client
	return client, parsed, nil
}

// call runs one call under its deadline, the SDK's repeats included.
func (e *ecrAdapter) call(ctx context.Context, repository promotion.RegistryRepository, operation string, act func(context.Context, *ecr.Client, ecrHost) error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*e.options.Timeout)
	defer cancel()
	client, host, err := e.client(ctx, repository.Host())
	if err != nil {
		return err
	}
	done := func(int, error) {}
	if e.options.Admit != nil {
		if done, err = e.options.Admit(ctx, repository.Host()); err != nil {
			return err
		}
	}
	began := time.Now()
	err = act(ctx, client, host)
	if refusesCredentials(err) {
		e.forget(repository.Host(), client) // the next call reads the configuration anew
	}
	done(statusOfECR(err), err)
	if e.options.Observe != nil {
		outcome := "ok"
		if err != nil {
			outcome = "error"
		}
		e.options.Observe(repository.Host(), operation, outcome, time.Since(began))
	}
	return err
}

// forget drops the host's client, unless another call has replaced it already.
func (e *ecrAdapter) forget(host string, client *ecr.Client) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.clients[host] == client {
		delete(e.clients, host)
	}
}

// pace has each try of a PutImage, the SDK's repeats included, wait for its turn: ECR counts them by account and region
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html).
func (e *ecrAdapter) pace(host ecrHost) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		waits := middleware.FinalizeMiddlewareFunc("Pace", func(ctx context.Context, input middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			var err error
			if awsmiddleware.GetOperationName(ctx) == "PutImage" {
				if e.options.Pace != nil {
					err = e.options.Pace(ctx, host.account+"/"+host.region)
				}
				err = cmp.Or(err, promotion.HoldsLease(ctx, e.options.Now()))
			}
			if err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
			return next.HandleFinalize(ctx, input)
		})
		return stack.Finalize.Insert(waits, "Retry", middleware.After)
	}
}

// Resolve asks DescribeImages, which knows when the image was pushed and translates nothing.
func (e *ecrAdapter) Resolve(ctx context.Context, repository promotion.RegistryRepository, tag string) (promotion.TaggedManifest, error) {
	doing := fmt.Sprintf("read tag %s of %s", tag, repository)
	var output *ecr.DescribeImagesOutput
	err := e.call(ctx, repository, "DescribeImages", func(ctx context.Context, client *ecr.Client, host ecrHost) (err error) {
		output, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{
			RegistryId: aws.String(host.account), RepositoryName: aws.String(repository.Path()), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String(tag)}},
		})
		return err
	})
	if err != nil {
		return promotion.TaggedManifest{}, explainECR(doing, "ecr:DescribeImages", repository, err)
	}
	for _, image := range output.ImageDetails {
		if slices.Contains(image.ImageTags, tag) || len(output.ImageDetails) == 1 {
			named, err := tagged(aws.ToString(image.ImageDigest), aws.ToString(image.ImageManifestMediaType))
			named.Pushed = aws.ToTime(image.ImagePushedAt)
			return named, err
		}
	}
	return promotion.TaggedManifest{}, fmt.Errorf("%s: %w", doing, promotion.ErrNotFound)
}

// Inspect asks BatchGetImage once for the digest and all tags. Bytes come from the entry of the digest only: what is
// answered for a tag may be translated.
func (e *ecrAdapter) Inspect(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest, tags []string) (promotion.Inspection, error) {
	inspection := promotion.Inspection{Tags: map[string]promotion.TaggedManifest{}}
	doing := fmt.Sprintf("read the tags of %s", repository)
	var digests []promotion.Digest
	if !digest.IsZero() {
		digests = []promotion.Digest{digest}
	}
	output, err := e.batchGet(ctx, doing, repository, digests, tags)
	if err != nil {
		return inspection, err
	}
	return inspection, readImages(doing, output.Images, digest, tags, &inspection)
}

// batchGet asks for digests and tags in one call. What is not there is not in the answer.
func (e *ecrAdapter) batchGet(ctx context.Context, doing string, repository promotion.RegistryRepository, digests []promotion.Digest, tags []string) (*ecr.BatchGetImageOutput, error) {
	var identifiers []types.ImageIdentifier
	for _, digest := range digests {
		identifiers = append(identifiers, types.ImageIdentifier{ImageDigest: aws.String(digest.String())})
	}
	for _, tag := range tags {
		identifiers = append(identifiers, types.ImageIdentifier{ImageTag: aws.String(tag)})
	}
	if len(identifiers) > 100 {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("%s: expected at most 99 tags, found %d", doing, len(tags))}
	}
	var output *ecr.BatchGetImageOutput
	err := e.call(ctx, repository, "BatchGetImage", func(ctx context.Context, client *ecr.Client, host ecrHost) (err error) {
		output, err = client.BatchGetImage(ctx, &ecr.BatchGetImageInput{
			RegistryId: aws.String(host.account), RepositoryName: aws.String(repository.Path()), ImageIds: identifiers, AcceptedMediaTypes: mediaTypes,
		})
		return err
	})
	if err != nil {
		return nil, explainECR(doing, "ecr:BatchGetImage", repository, err)
	}
	return output, readFailures(doing, output.Failures)
}

// readFailures tells what is not there from what could not be told: a 200 answer can hold both.
func readFailures(doing string, failures []types.ImageFailure) error {
	for _, failure := range failures {
		if failure.FailureCode == types.ImageFailureCodeImageNotFound || failure.FailureCode == types.ImageFailureCodeImageTagDoesNotMatchDigest {
			continue
		}
		id := "an image"
		if failure.ImageId != nil {
			id = aws.ToString(failure.ImageId.ImageTag) + aws.ToString(failure.ImageId.ImageDigest)
		}
		return fmt.Errorf("%s: ECR could not tell about %s: %s: %s", doing, id, failure.FailureCode, aws.ToString(failure.FailureReason))
	}
	return nil
}

func readImages(doing string, images []types.Image, digest promotion.Digest, tags []string, into *promotion.Inspection) error {
	for _, image := range images {
		if image.ImageId == nil {
			continue
		}
		named, err := tagged(aws.ToString(image.ImageId.ImageDigest), aws.ToString(image.ImageManifestMediaType))
		if err != nil {
			return err
		}
		if tag := aws.ToString(image.ImageId.ImageTag); slices.Contains(tags, tag) {
			into.Tags[tag] = named
		}
		if named.Digest != digest || digest.IsZero() {
			continue
		}
		manifest, err := verified(doing, promotion.Manifest{Digest: digest, MediaType: named.MediaType, Bytes: []byte(aws.ToString(image.ImageManifest))})
		// An entry by tag may hold a translation of the bytes; the one by digest must not.
		if err != nil && aws.ToString(image.ImageId.ImageTag) == "" {
			return err
		}
		if err == nil {
			into.Manifest = manifest
		}
	}
	return nil
}

// SetTag asks PutImage to put the exact bytes under the tag.
func (e *ecrAdapter) SetTag(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
	doing := fmt.Sprintf("set tag %s of %s", tag, repository)
	if _, err := verified(doing, manifest); err != nil {
		return err
	}
	err := e.call(ctx, repository, "PutImage", func(ctx context.Context, client *ecr.Client, host ecrHost) error {
		_, err := client.PutImage(ctx, &ecr.PutImageInput{
			RegistryId: aws.String(host.account), RepositoryName: aws.String(repository.Path()), ImageTag: aws.String(tag),
			ImageDigest: aws.String(manifest.Digest.String()), ImageManifest: aws.String(string(manifest.Bytes)), ImageManifestMediaType: aws.String(manifest.MediaType),
		})
		return err
	})
	switch {
	case err == nil, isSameImage(err):
		return nil
	case isTagTaken(err):
		// The tag cannot be moved. It is where it should be if it names the same digest already.
		named, readErr := e.Resolve(ctx, repository, tag)
		if readErr != nil {
			return readErr
		}
		if named.Digest == manifest.Digest {
			return nil
		}
		return fmt.Errorf("%s: %w: it names %s", doing, promotion.ErrTagImmutable, named.Digest)
	}
	return explainECR(doing, "ecr:PutImage", repository, err)
}
