# SPDX-License-Identifier: MIT
"""The crypto hardware accelerators of the SEC (CAAM): what an OPERATION command starts.

`models.sec.cha.unit` is the contract with the descriptor machine; `select` makes the units of class
1 and class 2, `pkha` works on the public key registers, `protocols` are the built-in protocols.
Ciphers, AEADs and hashes are those of the `cryptography` package and of hashlib. Digest states that
go in and out of context registers have compression functions here (`compress`), which libcrypto
stands in for where the workstation has it (`native`).

Source: drivers/crypto/caam of Linux 6.12 and core/drivers/crypto/caam of OP-TEE 4 for words,
register use and context layouts; the public standards named in each module for the algorithms.

Differences from hardware
-------------------------
- No unit takes time, and none is scarce: two jobs never wait for the same unit.
- SNOW f8 and f9, Kasumi and ZUC are absent whatever the configuration says: INVALID_CHA.
- AESA: no CBC and CTR combined with XCBC-MAC or CMAC (AAI 0xa0 to 0xe0), no 64-bit AAD length in
  CCM; MODE and CCM_AAD_SIZE errors. FINALIZE of a CMAC or XCBC-MAC without data is a DATA_SIZE
  error. The roll-over of GCM's 32-bit counter is right here; silicon has an erratum. A CCM message
  is not compared with the length in B0. XTS with sector size 0 is one endless sector. An
  authenticated message's output leaves before its ICV is checked, as in silicon.
- The layouts of GCM's and CCM's length words, of MDHA's message length (bytes, padded HMAC key
  included), of Poly1305's and CRC's results are chosen where no public source spells them out; a
  context must come from this model. Context bytes that no public source names are zero or stay.
- MDHA: no SHA-512/224 and SHA-512/256; SMAC in one piece only; a plain HMAC key longer than a block
  is a KEY_SIZE error. CCHA takes keys of 32 bytes only, PTHA works in one piece only.
- AFHA: keys of 1 to 128 bytes. CRCA: polynomials of 32 bits only.
- RNG: bytes come from the workstation's generator; the state handles have no state, test mode is
  not deterministic, personalisation and additional input add nothing.
- PKHA: R of the Montgomery form is 2^64 per digit of eight bytes. Operands beyond the modulus are
  reduced. Primality: at most 32 rounds of Miller-Rabin (8 above 1024 bits), later bases derived
  from the first. MOD_EXP and ECC over GF(2) up to 576 bits, scalars up to the modulus and 64 bits;
  no Montgomery or projective coordinates in ECC; no CRT constant, point check and square root.
- Protocols: RSA, BLOB, DKP. Not there (DECO error 0x81): DSA and ECDSA, key pairs, Diffie-Hellman,
  RSA key finishing, DKP's RIF forms, PRFs, IPsec, TLS and the other packet protocols. RSA
  decryption with padding does not report the message's length. Blobs: no black blobs, no secure
  memory, and key derivation and nonces of the model's own, so that no blob of silicon opens here.
"""
