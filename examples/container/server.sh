# Stands for a server: it reads its password, leaves an orphan behind, and ends when it is asked to.
password=$(cat "$DATABASE_PASSWORD")
(sleep 0.01 &)
trap 'echo "stopped"; exit 0' TERM
echo "serving, with a password of ${#password} characters, as process $$ of $PPID"
while :; do sleep 1 & wait $!; done
