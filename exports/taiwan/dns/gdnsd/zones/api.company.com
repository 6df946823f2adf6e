; api.company.com
$TTL 30
@ 30 SOA ns1.company.com. hostmaster.company.com. 1 3600 600 86400 30
@ 3600 NS ns1.company.com.
@ 3600 NS ns2.company.com.
@ 30/10 DYNA geoip!api_company_com
