# Serve a Git repository with three commits, of which the branch holds the first: one, two, and a
# broken one. The branch is moved by `git update-ref`.
set -e
export HOME=/tmp GIT_CONFIG_NOSYSTEM=1
git init --quiet --initial-branch=main "$REPOSITORY"
cd "$REPOSITORY"
git config user.name proof
git config user.email proof@localhost
commit() {
  git add --all
  git commit --quiet --message "$1"
  git tag "$1"
}
manifest() {
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {commit: %s}\n' "$NAME" "$1"
}
manifest one >delivered.yaml
commit one
manifest two >delivered.yaml
commit two
# What does not look like an object is left out without a word.
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {' >broken.yaml
commit broken
git checkout --quiet --detach
git update-ref refs/heads/main one
exec tini -- git daemon --export-all --reuseaddr
