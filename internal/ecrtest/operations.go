package ecrtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"
)

// input is the members of all operations' inputs that are known here.
type input struct {
	RegistryID             string       `json:"registryId"`
	RepositoryName         string       `json:"repositoryName"`
	RepositoryNames        []string     `json:"repositoryNames"`
	ImageIDs               []identifier `json:"imageIds"`
	AcceptedMediaTypes     []string     `json:"acceptedMediaTypes"`
	ImageManifest          string       `json:"imageManifest"`
	ImageManifestMediaType string       `json:"imageManifestMediaType"`
	ImageTag               string       `json:"imageTag"`
	ImageDigest            string       `json:"imageDigest"`
	LayerDigest            string       `json:"layerDigest"`
}

type identifier struct {
	ImageDigest string `json:"imageDigest,omitempty"`
	ImageTag    string `json:"imageTag,omitempty"`
}

// find gives what an identifier names, or the failure code of a batch
// (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html).
func (r *repository) find(id identifier) (*image, string) {
	digest := id.ImageDigest
	if id.ImageTag != "" {
		tagged, found := r.tags[id.ImageTag]
		if !found {
			return nil, "ImageNotFound"
		}
		if digest != "" && digest != tagged {
			return nil, "ImageTagDoesNotMatchDigest"
		}
		digest = tagged
	}
	if found := r.images[digest]; found != nil {
		return found, ""
	}
	return nil, "ImageNotFound"
}

func (r *repository) tagsOf(digest string) []string {
	var tags []string
	for tag, named := range r.tags {
		if named == digest {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

func (r *repository) describe(in input) (any, *exception) {
	type detail struct {
		RegistryID             string   `json:"registryId"`
		RepositoryName         string   `json:"repositoryName"`
		ImageDigest            string   `json:"imageDigest"`
		ImageTags              []string `json:"imageTags,omitempty"`
		ImageSizeInBytes       int      `json:"imageSizeInBytes"`
		ImagePushedAt          float64  `json:"imagePushedAt"`
		ImageManifestMediaType string   `json:"imageManifestMediaType"`
	}
	details := []detail{}
	for _, id := range in.ImageIDs {
		found, failure := r.find(id)
		if failure != "" {
			return nil, refused("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
				id.ImageDigest, id.ImageTag, in.RepositoryName, Account)
		}
		details = append(details, detail{
			Account, in.RepositoryName, found.digest, r.tagsOf(found.digest), len(found.manifest), float64(found.pushed.UnixMilli()) / 1000, found.mediaType,
		})
	}
	return map[string]any{"imageDetails": details}, nil
}

func (r *repository) batchGet(in input) (any, *exception) {
	type part struct {
		RegistryID             string     `json:"registryId"`
		RepositoryName         string     `json:"repositoryName"`
		ImageID                identifier `json:"imageId"`
		ImageManifest          string     `json:"imageManifest"`
		ImageManifestMediaType string     `json:"imageManifestMediaType"`
	}
	type failed struct {
		ImageID       identifier `json:"imageId"`
		FailureCode   string     `json:"failureCode"`
		FailureReason string     `json:"failureReason"`
	}
	if len(in.ImageIDs) == 0 || len(in.ImageIDs) > 100 {
		return nil, refused("InvalidParameterException", "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length between 1 and 100'")
	}
	images, failures := []part{}, []failed{}
	for _, id := range in.ImageIDs {
		found, code := r.find(id)
		if failing := r.failures[id.ImageTag]; failing != "" {
			code = failing
		}
		if code != "" {
			failures = append(failures, failed{id, code, "Requested image not found"})
			continue
		}
		manifest := found.manifest
		if id.ImageDigest == "" && !slices.Contains(in.AcceptedMediaTypes, found.mediaType) {
			manifest = translated(manifest)
		}
		images = append(images, part{Account, in.RepositoryName, identifier{found.digest, id.ImageTag}, manifest, found.mediaType})
	}
	return map[string]any{"images": images, "failures": failures}, nil
}

// translated stands for what ECR answers by tag for a media type that was not asked for: other bytes.
func translated(manifest string) string {
	var document map[string]any
	if json.Unmarshal([]byte(manifest), &document) != nil {
		return manifest
	}
	document["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
	content, err := json.Marshal(document)
	if err != nil {
		return manifest
	}
	return string(content)
}

// describeRepositories gives the repositories that are named, or all
// (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html).
func (s *Server) describeRepositories(in input) (any, *exception) {
	type filter struct {
		FilterType string `json:"filterType"`
		Filter     string `json:"filter"`
	}
	type described struct {
		RepositoryARN      string   `json:"repositoryArn"`
		RegistryID         string   `json:"registryId"`
		RepositoryName     string   `json:"repositoryName"`
		RepositoryURI      string   `json:"repositoryUri"`
		ImageTagMutability string   `json:"imageTagMutability"`
		ExclusionFilters   []filter `json:"imageTagMutabilityExclusionFilters,omitempty"`
	}
	names := in.RepositoryNames
	if names == nil {
		names = slices.Sorted(maps.Keys(s.repositories))
	}
	repositories := []described{}
	for _, name := range names {
		of := s.repositories[name]
		if of == nil {
			return nil, refused("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", name, Account)
		}
		one := described{"arn:aws:ecr:" + Region + ":" + Account + ":repository/" + name, Account, name, Host + "/" + name, of.mutability, nil}
		for _, exclusion := range of.exclusions {
			one.ExclusionFilters = append(one.ExclusionFilters, filter{"WILDCARD", exclusion})
		}
		repositories = append(repositories, one)
	}
	return map[string]any{"repositories": repositories}, nil
}

// put sets one tag (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html).
func (s *Server) put(of *repository, in input) (any, *exception) {
	sum := sha256.Sum256([]byte(in.ImageManifest))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	named, taken := of.tags[in.ImageTag]
	switch {
	case !s.quota.take(time.Now()):
		return nil, refused("ThrottlingException", "Rate exceeded")
	case in.ImageManifest == "" || len(in.ImageManifest) > 4<<20:
		return nil, refused("InvalidParameterException", "Invalid parameter at 'imageManifest'")
	case in.ImageDigest != "" && in.ImageDigest != digest:
		return nil, refused("ImageDigestDoesNotMatchException", "The image digest '%s' does not match the manifest's digest '%s'", in.ImageDigest, digest)
	case taken && named == digest:
		return nil, refused("ImageAlreadyExistsException", "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'", digest, in.ImageTag, in.RepositoryName, Account)
	case taken && of.immutable(in.ImageTag):
		return nil, refused("ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", in.ImageTag, in.RepositoryName)
	case of.images[digest] == nil:
		return nil, refused("LayersNotFoundException", "Layers of the manifest do not exist in the repository with name '%s'", in.RepositoryName)
	case len(of.tagsOf(digest)) >= 1000:
		return nil, refused("LimitExceededException", "The maximum number of tags per image has been reached")
	}
	if _, err := s.Registry.PushManifest(in.RepositoryName, in.ImageTag, in.ImageManifestMediaType, []byte(in.ImageManifest)); err != nil {
		return nil, &exception{http.StatusInternalServerError, "ServerException", err.Error()}
	}
	of.tags[in.ImageTag] = digest
	return map[string]any{"image": map[string]any{
		"registryId": Account, "repositoryName": in.RepositoryName, "imageId": identifier{digest, in.ImageTag}, "imageManifest": in.ImageManifest,
	}}, nil
}

// immutable reports whether the tag cannot be moved
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html).
func (r *repository) immutable(tag string) bool {
	excluded := slices.ContainsFunc(r.exclusions, func(filter string) bool {
		matches, err := path.Match(filter, tag)
		return err == nil && matches
	})
	switch r.mutability {
	case "IMMUTABLE":
		return true
	case "IMMUTABLE_WITH_EXCLUSION":
		return !excluded
	case "MUTABLE_WITH_EXCLUSION":
		return excluded
	}
	return false
}

// assumeRole is STS's one operation that is needed
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func (s *Server) assumeRole(w http.ResponseWriter, body string, scope []string) {
	form, err := url.ParseQuery(body)
	w.Header().Set("Content-Type", "text/xml")
	if err != nil || form.Get("Action") != "AssumeRole" || scope == nil || scope[2] != "sts" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls = append(s.calls, "AssumeRole "+form.Get("RoleArn"))
	if form.Get("ExternalId") != s.external {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}
