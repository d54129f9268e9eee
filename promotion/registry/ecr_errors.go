package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"

	"github.com/verbatim-dev/verbatim/promotion"
)

// isSameImage reports that the same manifest is under the tag already.
func isSameImage(err error) bool {
	var exists *types.ImageAlreadyExistsException
	return errors.As(err, &exists)
}

// isTagTaken reports that the tag is immutable and taken.
func isTagTaken(err error) bool {
	var taken *types.ImageTagAlreadyExistsException
	return errors.As(err, &taken)
}

// explainECR turns an exception of ECR into one of the domain's errors. The texts of exceptions hold no credentials.
func explainECR(doing, action string, repository promotion.RegistryRepository, err error) error {
	var delayed *promotion.DelayedError
	if errors.As(err, &delayed) {
		return &promotion.DelayedError{Err: fmt.Errorf("%s: %w", doing, delayed.Err), After: delayed.After, Untried: delayed.Untried}
	}
	var missing *types.ImageNotFoundException
	if errors.As(err, &missing) {
		return fmt.Errorf("%s: %w", doing, promotion.ErrNotFound)
	}
	permanent := func(advice string) error {
		return &promotion.PermanentError{Err: fmt.Errorf("%s: %w; %s", doing, plain(err), advice)}
	}
	var exception smithy.APIError
	if !errors.As(err, &exception) && refusesCredentials(err) {
		return refusedCredentials(repository.Host(), "AWS credentials, by the SDK's own chain or a role", fmt.Errorf("%s: %w", doing, err))
	}
	if !errors.As(err, &exception) {
		return &promotion.DownError{Err: fmt.Errorf("%s: %w", doing, plain(err))}
	}
	if refusesCredentials(err) || exception.ErrorCode() == "AccessDeniedException" || exception.ErrorCode() == "AccessDenied" {
		return refusedCredentials(repository.Host(), fmt.Sprintf("credentials that allow %s on %s", action, repository), fmt.Errorf("%s: %w", doing, plain(err)))
	}
	switch exception.ErrorCode() {
	case "RepositoryNotFoundException":
		return permanent(fmt.Sprintf("create the repository %s in that registry, or mend its name in the policy", repository.Path()))
	case "ImageDigestDoesNotMatchException":
		return permanent("the bytes do not have the digest that was asked for; nothing was set")
	case "LayersNotFoundException", "LayerInaccessibleException", "ReferencedImagesNotFoundException":
		return permanent("push the image to this repository again: parts of it are gone")
	case "LimitExceededException":
		return permanent("an image has at most 1,000 tags: give the environment fewer tags that are new each time")
	case "InvalidParameterException", "InvalidLayerException", "ValidationException":
		return permanent("mend the repository's name or tag in the policy")
	}
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) && answered.HTTPStatusCode() >= 400 && answered.HTTPStatusCode() < 500 &&
		answered.HTTPStatusCode() != http.StatusTooManyRequests && exception.ErrorFault() == smithy.FaultClient && !isThrottled(exception) {
		return permanent("see the message of ECR")
	}
	return &promotion.DownError{Err: fmt.Errorf("%s: %w", doing, plain(err))}
}

// refusesCredentials reports whether AWS does not take the credentials, or there are none.
func refusesCredentials(err error) bool {
	var exception smithy.APIError
	if !errors.As(err, &exception) {
		return err != nil && strings.Contains(err.Error(), "get credentials")
	}
	switch exception.ErrorCode() {
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId",
		"SignatureDoesNotMatch", "ExpiredToken", "MissingAuthenticationTokenException", "OptInRequired":
		return true
	}
	return false
}

func isThrottled(exception smithy.APIError) bool {
	switch exception.ErrorCode() {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottled":
		return true
	}
	return false
}

// plain gives the exception without the SDK's wrappings, for people.
func plain(err error) error {
	var exception smithy.APIError
	if errors.As(err, &exception) {
		return fmt.Errorf("%s: %s", exception.ErrorCode(), exception.ErrorMessage())
	}
	return err
}

// statusOfECR gives the status of ECR's answer; 0 when there was none.
func statusOfECR(err error) int {
	var answered *awshttp.ResponseError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &answered):
		return answered.HTTPStatusCode()
	}
	return 0
}
