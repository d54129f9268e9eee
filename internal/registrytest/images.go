package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
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

// pushImage pushes a config, a layer and the manifest that names them; without a tag under its digest.
func (p pusher) pushImage(repository, tag, seed, mediaType string) (digest string, size int, err error) {
	config := []byte(fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Labels":{"seed":%q}},"rootfs":{"type":"layers","diff_ids":[]}}`, seed))
	layer := []byte("layer of " + seed)
	for _, blob := range [][]byte{config, layer} {
		if err := p.pushBlob(repository, blob); err != nil {
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
	request, err := http.NewRequest(http.MethodGet, "http://"+s.Host()+"/v2/"+repository+"/manifests/"+reference, nil)
	if err != nil {
		return "", nil, err
	}
	response := &answer{header: http.Header{}}
	s.inner.ServeHTTP(response, request)
	if response.status != 0 && response.status != http.StatusOK {
		return "", nil, fmt.Errorf("read %s of %s: the registry answered %d", reference, repository, response.status)
	}
	return response.header.Get("Content-Type"), []byte(response.body.String()), nil
}

func (p pusher) pushBlob(repository string, content []byte) error {
	return p.send(http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+digestOf(content), "application/octet-stream", content)
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
