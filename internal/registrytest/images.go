package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Media types of what is pushed.
const (
	OCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	OCIIndex       = "application/vnd.oci.image.index.v1+json"
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// pusher pushes what stories are about; send makes one request to the registry.
type pusher struct {
	send func(method, path, contentType string, content []byte) error
}

// PushIndex pushes a multi-architecture index (linux/amd64 and linux/arm64) whose descriptors carry an artifactType,
// and tags it. Its bytes are indented in an odd way, so that whoever writes them anew changes the digest, which it gives.
func (p pusher) PushIndex(repository, tag, seed string) (string, error) {
	var descriptors []map[string]any
	for _, architecture := range []string{"amd64", "arm64"} {
		digest, size, err := p.pushImage(repository, "", seed+architecture, OCIManifest)
		if err != nil {
			return "", err
		}
		descriptors = append(descriptors, map[string]any{
			"mediaType": OCIManifest, "digest": digest, "size": size, "artifactType": "application/vnd.example.build.v1",
			"platform":    map[string]string{"os": "linux", "architecture": architecture},
			"annotations": map[string]string{"com.example.seed": seed},
		})
	}
	content, err := json.MarshalIndent(map[string]any{"schemaVersion": 2, "mediaType": OCIIndex, "manifests": descriptors}, " ", "   ")
	if err != nil {
		return "", err
	}
	return p.PushManifest(repository, tag, OCIIndex, content)
}

// PushImage pushes a single-platform image and tags it. It gives the digest.
func (p pusher) PushImage(repository, tag, seed string) (string, error) {
	digest, _, err := p.pushImage(repository, tag, seed, OCIManifest)
	return digest, err
}

// Image is one platform's image, as tests want it.
type Image struct {
	Platform    string            // "linux/arm64/v8"; "" in an index: an entry that names no platform
	Labels      map[string]string // of its config
	Config      []byte            // instead of one with the labels
	MediaType   string            // of its manifest; "": OCIManifest
	Annotations map[string]string // of its entry in an index
}

// config gives the bytes of the image's config.
func (i Image) config() ([]byte, error) {
	if i.Config != nil {
		return i.Config, nil
	}
	document := map[string]any{"config": map[string]any{"Labels": i.Labels}, "rootfs": map[string]any{"type": "layers", "diff_ids": []string{}}}
	maps.Copy(document, i.platform())
	return json.Marshal(document)
}

// platform gives the platform as configs and descriptors have it.
func (i Image) platform() map[string]any {
	platform := map[string]any{}
	parts := strings.SplitN(i.Platform, "/", 3)
	for n, key := range []string{"os", "architecture", "variant"}[:len(parts)] {
		if parts[n] != "" {
			platform[key] = parts[n]
		}
	}
	return platform
}

// PushLabelled pushes a single image with its labels and tags it. It gives the digest.
func (p pusher) PushLabelled(repository, tag string, image Image) (string, error) {
	descriptor, err := p.pushLabelled(repository, tag, image)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(descriptor["digest"]), nil
}

// PushLabelledIndex pushes an index with an entry for each of the images, in their order, and tags it. It gives the digest.
func (p pusher) PushLabelledIndex(repository, tag string, images ...Image) (string, error) {
	descriptors := []map[string]any{}
	for _, image := range images {
		descriptor, err := p.pushLabelled(repository, "", image)
		if err != nil {
			return "", err
		}
		if platform := image.platform(); len(platform) > 0 {
			descriptor["platform"] = platform
		}
		if image.Annotations != nil {
			descriptor["annotations"] = image.Annotations
		}
		descriptors = append(descriptors, descriptor)
	}
	content, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": OCIIndex, "manifests": descriptors})
	if err != nil {
		return "", err
	}
	return p.PushManifest(repository, tag, OCIIndex, content)
}

func (p pusher) pushLabelled(repository, tag string, image Image) (descriptor map[string]any, err error) {
	config, err := image.config()
	if err != nil {
		return nil, err
	}
	mediaType := image.MediaType
	if mediaType == "" {
		mediaType = OCIManifest
	}
	digest, size, err := p.pushManifestOf(repository, tag, config, []byte("layer of "+digestOf(config)), mediaType)
	return map[string]any{"mediaType": mediaType, "digest": digest, "size": size}, err
}

// pushImage pushes an image whose one label is the seed; without a tag under its digest.
func (p pusher) pushImage(repository, tag, seed, mediaType string) (digest string, size int, err error) {
	config := []byte(fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Labels":{"seed":%q}},"rootfs":{"type":"layers","diff_ids":[]}}`, seed))
	return p.pushManifestOf(repository, tag, config, []byte("layer of "+seed), mediaType)
}

// pushManifestOf pushes a config, a layer and the manifest that names them; without a tag under its digest.
func (p pusher) pushManifestOf(repository, tag string, config, layer []byte, mediaType string) (digest string, size int, err error) {
	for _, blob := range [][]byte{config, layer} {
		if err := p.PushBlob(repository, blob); err != nil {
			return "", 0, err
		}
	}
	content, err := json.MarshalIndent(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType,
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digestOf(config), "size": len(config)},
		"layers": []any{map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digestOf(layer), "size": len(layer)}},
	}, "", " ")
	if err != nil {
		return "", 0, err
	}
	if tag == "" {
		tag = digestOf(content)
	}
	digest, err = p.PushManifest(repository, tag, mediaType, content)
	return digest, len(content), err
}

// PushManifest puts the bytes under the tag (or digest), as they are. It gives their digest.
func (p pusher) PushManifest(repository, tag, mediaType string, content []byte) (string, error) {
	return digestOf(content), p.send(http.MethodPut, "/v2/"+repository+"/manifests/"+tag, mediaType, content)
}

// Manifest gives the bytes of a tag or digest, and their media type, as the registry answers them.
func (s *Server) Manifest(repository, reference string) (mediaType string, content []byte, err error) {
	return s.get(repository, "manifests/"+reference)
}

// Blob gives the bytes of a blob: a config or a layer.
func (s *Server) Blob(repository, digest string) ([]byte, error) {
	_, content, err := s.get(repository, "blobs/"+digest)
	return content, err
}

func (s *Server) get(repository, what string) (mediaType string, content []byte, err error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+s.Host()+"/v2/"+repository+"/"+what, nil)
	if err != nil {
		return "", nil, err
	}
	response := &answer{header: http.Header{}}
	s.inner.ServeHTTP(response, request)
	if response.status != 0 && response.status != http.StatusOK {
		return "", nil, fmt.Errorf("read %s of %s: the registry answered %d", what, repository, response.status)
	}
	return response.header.Get("Content-Type"), []byte(response.body.String()), nil
}

// PushBlob pushes a config or a layer.
func (p pusher) PushBlob(repository string, content []byte) error {
	return p.send(http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+digestOf(content), "application/octet-stream", content)
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
