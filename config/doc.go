// Package config reads what people write: repository policies and the server's settings. It decodes strictly, fills in
// defaults, and names everything that is wrong at once, with where it is and what was probably meant.
//
// The types of a file (document.go, settings_document.go) drive everything that knows its keys: the decoder, the JSON
// Schema and the settings reference, so that none of them can know a key that the others do not. What a text must look
// like is a rule of its type (rule.go), which the decoder and the schema share. What one value says about another
// (validate.go) is checked after that.
package config
