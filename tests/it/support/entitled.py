"""Opens the keys that Widevine data hold under a root key, with pywidevine's messages and the AES of
PyCryptodome: BOX ROOT-KID ROOT-KEY in hexadecimal, prints KID:KEY lines."""
import sys

from Crypto.Cipher import AES
from pywidevine.license_protocol_pb2 import WidevinePsshData
from pywidevine.pssh import PSSH

box, root_kid, root_key = (bytes.fromhex(text) for text in sys.argv[1:])
data = WidevinePsshData()
data.ParseFromString(PSSH(box).init_data)
assert data.type == WidevinePsshData.ENTITLED_KEY, data.type
assert not data.key_ids, "only data of other types may name keys so"
for entitled in data.entitled_keys:
    assert entitled.entitlement_key_size_bytes == len(root_key) == 32
    assert len(entitled.iv) == len(entitled.key) == len(entitled.key_id) == 16
    if entitled.entitlement_key_id == root_kid:
        key = AES.new(root_key, AES.MODE_CBC, iv=entitled.iv).decrypt(entitled.key)
        print(f"{entitled.key_id.hex()}:{key.hex()}")
