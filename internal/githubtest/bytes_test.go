package githubtest_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func itoa(number int64) string { return strconv.FormatInt(number, 10) }

func fetch(s *story, address string) []byte {
	s.Helper()
	response, err := http.Get(address)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %s, %v", address, response.Status, err)
	}
	return content
}

func unzip(s *story, archive []byte) map[string]string {
	s.Helper()
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		s.Fatal(err)
	}
	files := map[string]string{}
	for _, file := range reader.File {
		opened, err := file.Open()
		if err != nil {
			s.Fatal(err)
		}
		content, err := io.ReadAll(opened)
		if err != nil {
			s.Fatal(err)
		}
		files[file.Name] = string(content)
	}
	return files
}

func decode(s *story, from io.Reader, into any) {
	s.Helper()
	if err := json.NewDecoder(from).Decode(into); err != nil && !errors.Is(err, io.EOF) {
		s.Fatal(err)
	}
}

func mustParse(s *story, address string) *url.URL {
	s.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		s.Fatal(err)
	}
	return parsed
}

func readCloser(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
