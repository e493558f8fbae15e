#!/bin/sh
# inherits.sh FOLDER LEASEFS [OPTION...]: what a program has of its parent, without `leasefs run` and, by these words, with it:
# two files in FOLDER, which must be the same.
folder=$1
shift
ulimit -Sn 777
ulimit -Sc 0
umask 027
trap '' HUP USR1
echo three >"$folder/three"
exec 3<"$folder/three" 9>>"$folder/nine"
BYTES=$(printf 'bytes \377\376')
export BYTES
word=$(printf 'word \377 {}x')
look='
unset LEASEFS_MNT
cat /proc/$$/limits
grep -E "^(Umask|SigIgn|Groups|CapEff):" /proc/$$/status
ls -l /proc/$$/fd >"$2"
sed -n "s/.* \([3-9] -> .*\)/\1/p" "$2"
cat <&3
printf "%s\n" "$1"
env | grep -av "^\(_\|SHLVL\|PWD\|OLDPWD\)=" | LC_ALL=C sort
'
sh -c "$look" sh "$word" "$folder/list" >"$folder/without" 2>&1
"$@" -- sh -c "$look" sh "$word" "$folder/list" >"$folder/with" 2>&1 3<"$folder/three"
