package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	// tagRulesFor is how long a repository's rules on tags are kept: people change them rarely, and SetTag asks ECR anyway.
	tagRulesFor = 10 * time.Minute
	// maximumTagRules is of how many repositories they are kept.
	maximumTagRules = 1000
)

type keptTagRules struct {
	rules promotion.TagRules
	until time.Time
}

// TagRules asks DescribeRepositories, and not again for ten minutes
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html).
func (e *ecrAdapter) TagRules(ctx context.Context, repository promotion.RegistryRepository) (promotion.TagRules, error) {
	if kept, found := e.keptTagRules(repository); found {
		return kept, nil
	}
	doing := fmt.Sprintf("read the tag rules of %s", repository)
	var output *ecr.DescribeRepositoriesOutput
	err := e.call(ctx, repository, "DescribeRepositories", func(ctx context.Context, client *ecr.Client, host ecrHost) (err error) {
		output, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
			RegistryId: aws.String(host.account), RepositoryNames: []string{repository.Path()},
		})
		return err
	})
	var exception smithy.APIError
	if errors.As(err, &exception) && exception.ErrorCode() == "AccessDeniedException" {
		return promotion.TagRules{}, nil // not kept: who allows it wants to see that
	}
	if err != nil {
		return promotion.TagRules{}, explainECR(doing, "ecr:DescribeRepositories", repository, err)
	}
	for _, described := range output.Repositories {
		if aws.ToString(described.RepositoryName) == repository.Path() {
			rules := tagRules(described)
			e.keepTagRules(repository, rules)
			return rules, nil
		}
	}
	return promotion.TagRules{}, fmt.Errorf("%s: %w", doing, promotion.ErrNotFound)
}

// tagRules reads what ECR answers. Rules of a kind that is not known here are not known.
func tagRules(described types.Repository) promotion.TagRules {
	rules := promotion.TagRules{Known: true}
	switch described.ImageTagMutability {
	case types.ImageTagMutabilityMutable:
		return rules
	case types.ImageTagMutabilityImmutable:
		rules.Immutable = true
		return rules
	case types.ImageTagMutabilityMutableWithExclusion:
	case types.ImageTagMutabilityImmutableWithExclusion:
		rules.Immutable = true
	default:
		return promotion.TagRules{}
	}
	for _, filter := range described.ImageTagMutabilityExclusionFilters {
		if filter.FilterType != types.ImageTagMutabilityExclusionFilterTypeWildcard {
			return promotion.TagRules{}
		}
		rules.Except = append(rules.Except, aws.ToString(filter.Filter))
	}
	return rules
}

func (e *ecrAdapter) keptTagRules(repository promotion.RegistryRepository) (promotion.TagRules, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	kept, found := e.tagRules[repository]
	return kept.rules, found && e.options.Now().Before(kept.until)
}

func (e *ecrAdapter) keepTagRules(repository promotion.RegistryRepository, rules promotion.TagRules) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if len(e.tagRules) >= maximumTagRules {
		clear(e.tagRules)
	}
	e.tagRules[repository] = keptTagRules{rules, e.options.Now().Add(tagRulesFor)}
}
