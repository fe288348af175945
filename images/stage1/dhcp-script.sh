#!/ka/bin/sh
# What udhcpc calls with each answer of a DHCP server. An address is never taken
# away: a server that is gone for an hour must not stop a node in mid-transfer.
PATH=/ka/bin
case "$1" in
  bound | renew)
    ip -4 address replace "$ip/${mask:-24}" broadcast + dev "$interface"
    metric=$(cat "/sys/class/net/$interface/ifindex")
    for router in $router; do
      ip route replace default via "$router" dev "$interface" metric "$metric"
      break
    done
    # Sessions are looked for by multicast, also where there is no router.
    ip route replace 224.0.0.0/4 dev "$interface" metric "$metric"
    : >/etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
    ;;
esac
