# Reads the settings for one card from a file that anybody may have written. Read by `settings`; docs/flash.md is its description.

# take_settings FILE STAGE: checks the whole of FILE and writes what it says into files below STAGE, an empty folder. When anything is
# ill-formed, `wrong` says what, `number` in which line, and STAGE is of no use.
take_settings() {
  file=$1
  stage=$2
  wrong=
  number=0
  ssid=
  psk=
  passphrase=
  country=
  cr=$(printf '\r')
  size=$(wc -c <"$file")
  [ "$size" -le 32768 ] || { wrong="the file has more than 32768 bytes"; return; }
  [ "$(tr -d '\000-\011\013\014\016-\037\177' <"$file" | wc -c)" -eq "$size" ] || { wrong="control characters"; return; }
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    # As editors of other systems write lines, and the first of them.
    line=${line%"$cr"}
    [ "$number" -eq 1 ] && line=${line#"$(printf '\357\273\277')"}
    case $line in
      '' | '#'*) continue ;;
      *"$cr"*) wrong="control characters" ;;
      *=*) take_setting "${line%%=*}" "${line#*=}" ;;
      *) wrong="not KEY=VALUE" ;;
    esac
    [ -z "$wrong" ] || return
  done <"$file"
  take_wifi
}

# one NAME VALUE: a setting that may be given once.
one() {
  [ -e "$stage/$1" ] && { wrong="given twice"; return; }
  printf '%s\n' "$2" >"$stage/$1"
}

bytes() {
  printf %s "$1" | wc -c
}

take_setting() {
  case $1 in
    format) [ "$2" = 1 ] || wrong="a format other than 1" ;;
    hostname)
      case $2 in
        '' | -* | *- | *[!a-z0-9-]*) wrong="hostname is not lower-case letters, digits and inner dashes" ;;
        *) [ "$(bytes "$2")" -le 63 ] && one hostname "$2" || wrong=${wrong:-"hostname has more than 63 characters"} ;;
      esac
      ;;
    ssh-key) take_key "$2" ;;
    wifi-ssid) [ -z "$ssid" ] && ssid=$2 || wrong="given twice" ;;
    wifi-psk) [ -z "$psk" ] && psk=$2 || wrong="given twice" ;;
    wifi-passphrase) [ -z "$passphrase" ] && passphrase=$2 || wrong="given twice" ;;
    wifi-country) [ -z "$country" ] && country=$2 || wrong="given twice" ;;
    set.*) take_variable "${1#set.}" "$2" ;;
    *) wrong="an unknown key" ;;
  esac
}

# A public key without options: TYPE BASE64 [COMMENT].
take_key() {
  type=${1%% *}
  rest=${1#* }
  base=${rest%% *}
  case $type in
    ssh-ed25519 | ssh-rsa | ecdsa-sha2-nistp256 | ecdsa-sha2-nistp384 | ecdsa-sha2-nistp521) ;;
    sk-ssh-ed25519@openssh.com | sk-ecdsa-sha2-nistp256@openssh.com) ;;
    *) wrong="ssh-key is not a public key"; return ;;
  esac
  case $base in
    "$type" | '' | *[!A-Za-z0-9+/=]*) wrong="ssh-key is not a public key"; return ;;
  esac
  printf '%s\n' "$1" >>"$stage/authorized_keys"
}

# The names that the system's own scripts and the app's start depend on are not to be set.
take_variable() {
  case $1 in
    '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) wrong="the name of a variable is not letters, digits and _"; return ;;
    PATH | HOME | TMPDIR | IFS | ENV | PS[0-9] | OPTIND | PPID | PWD | SHELL | USER | LD_* | EDGEIMG_*)
      wrong="a variable of the system"
      return
      ;;
  esac
  [ "$(bytes "$1")" -le 64 ] || { wrong="the name of a variable has more than 64 characters"; return; }
  [ -e "$stage/env" ] && grep -q "^$1=" "$stage/env" && { wrong="given twice"; return; }
  printf '%s\n' "$1=$2" >>"$stage/env"
}

take_wifi() {
  if [ -z "$ssid" ]; then
    [ -z "$psk$passphrase$country" ] || wrong="Wi-Fi settings without wifi-ssid"
    return
  fi
  [ "$(bytes "$ssid")" -le 32 ] || { wrong="wifi-ssid has more than 32 bytes"; return; }
  [ -z "$psk" ] || [ -z "$passphrase" ] || { wrong="both wifi-psk and wifi-passphrase"; return; }
  case $psk in *[!0-9a-f]*) wrong="wifi-psk is not 64 hexadecimal digits"; return ;; esac
  [ -z "$psk" ] || [ "$(bytes "$psk")" -eq 64 ] || { wrong="wifi-psk is not 64 hexadecimal digits"; return; }
  if [ -n "$passphrase" ]; then
    length=$(bytes "$passphrase")
    [ "$length" -ge 8 ] && [ "$length" -le 63 ] || { wrong="wifi-passphrase is not 8 to 63 characters"; return; }
  fi
  case $country in '' | [A-Z][A-Z]) ;; *) wrong="wifi-country is not two capital letters"; return ;; esac
  {
    printf 'ssid=%s\n' "$ssid"
    [ -z "$psk" ] || printf 'psk=%s\n' "$psk"
    [ -z "$passphrase" ] || printf 'passphrase=%s\n' "$passphrase"
    [ -z "$country" ] || printf 'country=%s\n' "$country"
  } >"$stage/wifi"
}
