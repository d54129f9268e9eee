package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// together puts the images into what is promoted together: by the present policy's groups, and by those of the policy that judged
// what the environment has, until all of such a group came there under the present one. No call where the ledger has that policy.
func (c *carrying) together(ctx context.Context, environment Environment, images []Image) ([]unit, error) {
	var former []Group
	asked := map[string]bool{}
	for {
		units, grown := c.policy.Policy.units(images, former), false
		for _, one := range units {
			for _, image := range one.images {
				if asked[image.Name] {
					continue
				}
				asked[image.Name] = true
				groups, err := c.formerGroups(ctx, environment, image)
				if err != nil {
					return nil, err
				}
				former, grown = append(former, groups...), grown || len(groups) > 0
			}
		}
		if !grown {
			return units, nil
		}
	}
}

// formerGroups gives the groups of the policy that judged what the environment has of the image, where it is another one by now. One
// that cannot be had is refused where it would judge.
func (c *carrying) formerGroups(ctx context.Context, environment Environment, image Image) ([]Group, error) {
	live, err := c.History.Live(ctx, c.request.Repository.ID, environment.Name, image.Name)
	if err != nil {
		return nil, err
	}
	current, found := StandingOf(live).Current()
	if !found || current.Policy.Hash == "" || current.Policy.Hash == c.policy.Hash() {
		return nil, nil
	}
	kept, err := c.Policies.Kept(ctx, c.request.Repository, current.Policy)
	permanent := (*PermanentError)(nil)
	switch {
	case errors.As(err, &permanent), err == nil && !kept.Valid():
		return nil, nil
	case err != nil:
		return nil, err
	}
	var groups []Group
	for _, group := range kept.Policy.Groups {
		if slices.Contains(group.Images, image.Name) {
			groups = append(groups, Group{Name: group.Name + formerGroup, Images: group.Images})
		}
	}
	return groups, nil
}

// formerGroup marks a group that the policy does not have any more.
const formerGroup = " (former policy)"

// apartFrom gives what the policy promotes together with the image and the present one has as well, and is not promoted with it now.
func (p Policy) apartFrom(image Image, with []Image, present Policy) Group {
	var apart Group
	for _, member := range p.unitOf(image, p.Groups).images {
		goes := slices.ContainsFunc(with, func(other Image) bool { return other.Name == member.Name })
		if _, found := present.Image(member.Name); found && !goes {
			apart.Images = append(apart.Images, member.Name)
		}
	}
	for _, group := range p.Groups {
		if len(apart.Images) > 0 && slices.Contains(group.Images, image.Name) {
			apart.Name = group.Name
		}
	}
	return apart
}

// gate refuses to promote an image without what belongs to it under a policy of before.
func (g Group) gate(image Image) Gate {
	others := strings.Join(g.Images, ", ")
	return Gate{
		Name: "group " + g.Name + formerGroup, Reason: PolicyInvalid, Expected: fmt.Sprintf("%s is promoted together with %s", image.Name, others),
		Actual: "the policy has taken them apart since",
		Next:   "put the group back into the policy until it was promoted once, and take it out then; or take out " + others + " if there is no such image any more",
	}
}
