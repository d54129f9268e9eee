// Package deploy holds what a server and its users start from: see README.md. Its tests load every file.
package deploy
