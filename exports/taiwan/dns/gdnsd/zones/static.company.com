; static.company.com
$TTL 30
@ 30 SOA ns1.company.com. hostmaster.company.com. 2 3600 600 86400 30
@ 3600 NS ns1.company.com.
@ 3600 NS ns2.company.com.
@ 30/10 DYNA geoip!static_company_com
