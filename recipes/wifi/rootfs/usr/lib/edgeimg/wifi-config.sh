# The supplicant's configuration: the image's, and the network of this one card. Read by `wifi`.

# wifi_config IMAGE CARD: writes it to the standard output. Of a setting that is there twice the supplicant takes the last.
wifi_config() {
  cat "$1"
  [ -s "$2" ] || return 0
  ssid=
  psk=
  passphrase=
  while IFS= read -r line; do
    case $line in
      ssid=*) ssid=${line#*=} ;;
      psk=*) psk=${line#*=} ;;
      passphrase=*) passphrase=${line#*=} ;;
      country=*) printf '%s\n' "$line" ;;
    esac
  done <"$2"
  [ -n "$ssid" ] || return 0
  echo 'network={'
  # The name as hexadecimal digits, whatever it holds. The passphrase between the first and the last quote of its line, which is how the
  # supplicant reads it: quotes and # in it are themselves.
  printf '\tssid=%s\n' "$(printf %s "$ssid" | hexdump -v -e '1/1 "%02x"')"
  # It may be hidden: it is asked for by its name.
  printf '\tscan_ssid=1\n\tpriority=1000\n'
  if [ -n "$psk" ]; then
    printf '\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tpsk=%s\n' "$psk"
  elif [ -n "$passphrase" ]; then
    printf '\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tpsk="%s"\n' "$passphrase"
  else
    printf '\tkey_mgmt=NONE\n'
  fi
  echo '}'
}
