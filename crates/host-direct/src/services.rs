//! The services and protocols that a browser's guests know: it has no file of them, and these are what programs ask for by name.

use std::sync::{Arc, LazyLock};

use guestnet_core::resolve::{Protocols, Services};

/// As services(5) has them, by the numbers that IANA has given them.
const SERVICES: &str = "\
echo 7/tcp
echo 7/udp
discard 9/tcp sink null
discard 9/udp sink null
daytime 13/tcp
ftp-data 20/tcp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp timserver
time 37/udp timserver
domain 53/tcp
domain 53/udp
tftp 69/udp
gopher 70/tcp
finger 79/tcp
http 80/tcp www
kerberos 88/tcp kerberos5 krb5 kerberos-sec
kerberos 88/udp kerberos5 krb5 kerberos-sec
pop3 110/tcp pop-3
sunrpc 111/tcp portmapper
sunrpc 111/udp portmapper
nntp 119/tcp readnews untp
ntp 123/udp
imap2 143/tcp imap
snmp 161/tcp
snmp 161/udp
irc 194/tcp
irc 194/udp
ldap 389/tcp
ldap 389/udp
https 443/tcp
https 443/udp
submissions 465/tcp ssmtp smtps urd
syslog 514/udp
submission 587/tcp
ldaps 636/tcp
domain-s 853/tcp
domain-s 853/udp
rsync 873/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
openvpn 1194/tcp
openvpn 1194/udp
ms-sql-s 1433/tcp
radius 1812/udp
mqtt 1883/tcp
nfs 2049/tcp
nfs 2049/udp
mysql 3306/tcp
sip 5060/tcp
sip 5060/udp
sip-tls 5061/tcp
sip-tls 5061/udp
xmpp-client 5222/tcp jabber-client
mdns 5353/udp
postgresql 5432/tcp postgres
amqps 5671/tcp
amqp 5672/tcp
redis 6379/tcp
ircs-u 6697/tcp
http-alt 8080/tcp webcache
secure-mqtt 8883/tcp
";

/// As protocols(5) has them.
const PROTOCOLS: &str = "\
ip 0 IP
icmp 1 ICMP
tcp 6 TCP
udp 17 UDP
ipv6 41 IPv6
ipv6-icmp 58 IPv6-ICMP
";

/// The services.
pub(crate) fn services() -> Arc<Services> {
    static KNOWN: LazyLock<Arc<Services>> = LazyLock::new(|| Arc::new(Services::parse(SERVICES)));
    Arc::clone(&KNOWN)
}

/// The protocols.
pub(crate) fn protocols() -> Arc<Protocols> {
    static KNOWN: LazyLock<Arc<Protocols>> = LazyLock::new(|| Arc::new(Protocols::parse(PROTOCOLS)));
    Arc::clone(&KNOWN)
}
