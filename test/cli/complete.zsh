# complete.zsh FILE LINE: what zsh completes at the end of LINE with the function in FILE, a word a line. A shell at a pseudo
# terminal gets LINE and a tab; instead of offering words it writes them to a file.
# cspell:ignore compadd compdef compinit comppostfuncs zpty zmodload bindkey
if [[ $1 == setup ]]; then
  PROMPT= found=$3
  fpath=(${2:h} $fpath)
  autoload -Uz compinit _leasefs
  compinit -u -D
  compdef _leasefs leasefs
  compadd() {
    local -a hits
    # Those that only look for words, for a completion that goes on.
    if [[ ${@[1,(i)(-|--)]} == *-[OAD]* ]]; then builtin compadd "$@"; return; fi
    builtin compadd -A hits "$@"
    print -rl -- $hits >>$found
  }
  finish() { print -r -- '=end' }
  comppostfuncs=(finish)
  bindkey '^I' complete-word
  print -r -- '=begin'
  return
fi
zmodload zsh/zpty || exit
found=$(mktemp) line=
zpty shell zsh -f -i
zpty -w shell ". ${(q)0:A} setup ${(q)1} ${(q)found}"
while zpty -r shell line && [[ $line != *=begin* ]]; do :; done
zpty -w -n shell "$2"$'\t'
while zpty -r shell line && [[ $line != *=end* ]]; do :; done
zpty -d shell
cat $found
rm $found
