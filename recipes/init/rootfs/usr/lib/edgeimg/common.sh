# What the scripts of this folder share. Read by busybox's shell; prints nothing by itself.
export PATH=/usr/bin:/usr/sbin

# Milliseconds of the kernel's monotonic clock (its resolution here is 10 ms).
uptime_ms() {
  read -r up _ </proc/uptime
  whole=${up%.*}
  part=${up#*.}
  echo $((whole * 1000 + ${part#0} * 10))
}

# say NAME ['"key":value,...']: one milestone as a JSON line on the console and in the log.
say() {
  line="{\"edgeimg\":\"$1\",\"uptimeMs\":$(uptime_ms)${2:+,$2}}"
  echo "$line" >/dev/console
  logger -t edgeimg "$line" 2>/dev/null
}

# flag NAME: is it a word of the kernel's command line?
flag() {
  read -r words </proc/cmdline
  case " $words " in *" $1 "*) return 0;; esac
  return 1
}
